"""Of a web page the content is read, whatever it is wrapped in, and not what frames it."""

from __future__ import annotations

import pytest

RULE = "在宅勤務は、所属長の承認を得て、週に三日まで行うことができる。手当は一日につき250円とし、翌月の給与で支給する。"
BODY = f"<h1>在宅勤務規程</h1><p>{RULE}</p>"
READ = f"在宅勤務規程\n{RULE}"
MENU = "<ul><li><a href=/>ホーム</a></li><li><a href=/r>規程集</a></li></ul>"
CELLS = "<table><tr><th>区分<th>日数</tr><tr><td>育児<td>週五日</tr></table>"

PAGES = {
    "one form around everything": (
        f"<form><input type=hidden value=A><nav>{MENU}</nav><div><main>{BODY}{CELLS}</main></div>"
        "<footer>運営事務局</footer></form>",
        f"{READ}\n区分 | 日数\n育児 | 週五日",
    ),
    "a form without main": (f"<form><div>{BODY}</div><button>送信</button></form>", READ),
    "a form that only searches": (
        f"<form><label>検索</label><input><button>探す</button></form>{BODY}",
        READ,
    ),
    "a layout of tables": (
        f"<table width=100%><tr><td colspan=2><a href=/>トップ</a> <a href=/s>社内</a></td></tr>"
        f"<tr><td>{MENU}</td><td>{BODY}{CELLS}<p>以上。</p></td></tr></table>",
        f"{READ}\n区分 | 日数\n育児 | 週五日\n以上。",
    ),
    "a layout that says so": (
        f"<table role=presentation><tr><td>{RULE}</td><td>次の段落。</td></tr></table>",
        f"{RULE}\n次の段落。",
    ),
    "one cell around everything": (
        f"<table><tr><td><p>{RULE}</p><p>次の段落。</p></td></tr></table>",
        f"{RULE}\n次の段落。",
    ),
    "center and font": (f"<center><font size=5>在宅勤務規程</font></center><p>{RULE}", READ),
    "an article in an aside": (
        f"<aside><article>{BODY}</article></aside><p>社内ポータル</p>",
        f"{READ}\n社内ポータル",
    ),
    "an aside beside the content": (f"<aside><p>お知らせ</p></aside><main>{BODY}</main>", READ),
    "everything in a header": (f"<header><div>{BODY}</div></header><p>©</p>", f"{READ}\n©"),
    "everything in a section that says navigation": (f"<div role=navigation><div>{BODY}</div></div>", READ),
    "everything in nav": (f"<nav><p>{RULE}</p></nav>", RULE),
    "a header within the content": (
        f"<header><h1>社内ポータル</h1></header><main><article><header><h1>在宅勤務規程</h1></header><p>{RULE}</p>"
        "</article></main>",
        READ,
    ),
    "a header that holds the only title": (
        f"<header><nav>{MENU}</nav><h1>在宅勤務規程</h1></header><main><p>{RULE}</p></main><footer>運営</footer>",
        READ,
    ),
    "frames by their role, class or id": (
        f"<div role=banner>社内</div><div class='box breadcrumb'>ホーム</div><div id=global-nav>{MENU}</div>{BODY}"
        "<div id=footer>運営事務局</div>",
        READ,
    ),
    "what is hidden": (
        f"<div hidden>甲</div><div style='color:red; display: none'>乙</div><dialog>丙</dialog>{BODY}"
        "<table><tr><th>区分<th>日数</tr><tr style='display:none'><td>旧<td>一</tr><tr><td>新<td>二</tr></table>",
        f"{READ}\n区分 | 日数\n新 | 二",
    ),
    "only what is hidden is longer": (
        f"<p>短い本文。</p><div style='visibility:hidden'>{RULE * 9}</div>",
        "短い本文。",
    ),
    "a long menu beside short content": (
        "<nav>"
        + MENU * 9
        + "</nav><p>短い本文です。承認を得て、週に三日まで。</p><footer>運営事務局</footer>",
        "短い本文です。承認を得て、週に三日まで。",
    ),
    "headings that open and close": (f"<h2><button>在宅勤務規程</button></h2><p>{RULE}</p>", READ),
    "raised numbers": (
        "<p>圧力は5×10<sup>5</sup> Pa、面積は12 m<sup>2</sup>、10<sup>−3</sup>まで。</p>",
        "圧力は5×10^5 Pa、面積は12 m2、10^-3まで。",
    ),
    "the caption of a table": (
        f"{BODY}<table><caption>別表</caption><tr><th>区分<th>日数</tr><tr><td>育児<td>週五日</tr></table>",
        f"{READ}\n別表\n区分 | 日数\n育児 | 週五日",
    ),
}


@pytest.mark.parametrize(("body", "expected"), PAGES.values(), ids=PAGES)
def test_content(spec_for, parse, body, expected):
    page = f"<!doctype html><html><head><title>社内</title></head><body>{body}</body></html>"
    assert "\n".join(page.text for page in parse(spec_for("a.html", page.encode()))) == expected
