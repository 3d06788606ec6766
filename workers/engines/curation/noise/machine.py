"""Text that machines write for machines: markup without words, encoded bytes, lines of logs, mail headers, links alone."""

from __future__ import annotations

import re

_TAG_NAMES = (
    "a|abbr|article|aside|b|base|blockquote|body|br|button|center|circle|div|dd|dl|dt|em|fieldset|figure|font|footer|form|g|"
    "h[1-6]|head|header|hr|html|i|iframe|img|input|label|legend|li|line|link|main|meta|nav|noscript|ol|option|p|path|pre|"
    "rect|script|section|select|small|span|strong|style|sub|sup|svg|table|tbody|td|tfoot|th|thead|title|tr|u|ul|use|video|"
    "o:p|v:[a-z]+|w:[a-z]+|xml|rdf:[a-z]+|!doctype|!--|!\\[cdata\\[|\\?xml"
)
_MARKUP = re.compile(
    rf"<(?:script|style)\b.*?(?:</(?:script|style)>|\Z)|<!--.*?-->|</?(?:{_TAG_NAMES})\b[^<>]*>"
    r"|&(?:[a-z]{2,8}|#[0-9]{2,5});"
    r"|\b[\w-]+=(?:\"[^\"\n]*\"|'[^'\n]*')|\bBEGIN:[A-Z]+\b.*?\bEND:[A-Z]+\b|</?[a-z]+:[a-z]+\b[^<>]*>"
    r"|\\(?:begin|end|includegraphics|usepackage|documentclass|label|ref|cite|vspace|hspace|centering|caption|maketitle|newpage)\*?(?:\[[^\]]*\])?(?:\{[^{}]*\})?(?:\[[^\]]*\])?"
    r"|<\?xml.*?\?>|</?(?:rss|channel|item|feed|entry|url|urlset|loc|lastmod|root|node|data|row|col|cell)\b[^<>]*>|\|-|\{\||\|\}|__[A-Z]+__"
    r"|\{\{[<%]?.*?[>%]?\}\}|\{%.*?%\}|<%.*?%>|<\?php.*?(?:\?>|\Z)"
    r"|\[/?(?:[a-z]+[_-][a-z0-9_-]+|caption|gallery|embed|video|audio|playlist|toc|code|quote|url|img|b|i|u|size|color)\b[^\]\n]*\]"
    r"|\\[a-z]+-?[0-9]*(?![a-z])|\\'[0-9a-f]{2}|\{\\\*|(?<=[}{;\\])[{};]+"
    r"|\[\[(?:file|image|category|ファイル|画像|カテゴリ)[^\]]*\]\]|:::+ ?[a-z]*|^#\+[a-z_]+:.*$",
    re.I | re.S | re.M,
)
_HAS_MARKUP = re.compile(r"[<\\]|\{[{%]|\[[/a-z\[]|&[a-z#]|:::|^#\+", re.I | re.M)
_FRONT_MATTER = re.compile(r"\A\s*(-{3}|\+{3})\n(.*?)\n\1\s*(?:\n|\Z)", re.S)
_PDF_SYNTAX = re.compile(
    r"%PDF-[0-9.]+|\b[0-9]+ [0-9]+ (?:obj|R)\b|\bendobj\b|\bxref\b|/[A-Z][A-Za-z]+\b|\b[0-9]{10} [0-9]{5} [fn]\b|trailer|stream"
)
_CODE_RUN = re.compile(r"[^\s\u3000-\u9fff]{200,}")
_CODE_SIGNS = re.compile(r"[{}();=:,\[\]]")
_WORD_LETTERS = re.compile(r"[^\W\d_]")
_ENCODED = re.compile(
    r"data:[a-z]+/[a-z0-9.+-]+;base64,[A-Za-z0-9+/=\s]*|(?:[A-Za-z0-9+/]{40,}[=]{0,2}\s*)+"
    r"|(?m:^(?:0x)?[0-9a-fA-F]{6,8}:? (?: ?[0-9a-fA-F]{2,4}\b)+.*$)|(?:\b[0-9a-fA-F]{2}[ :]){8,}|\b(?:[0-9a-fA-F]{32,})\b"
    r"|(?:\\x[0-9a-fA-F]{2}){4,}|(?m:^(?:begin [0-7]{3} .*|[!-`]{50,61})$)"
)
_ENCODED_CHARACTERS = 100
"""A shorter one may be a hash or a key that a text states."""
_MAY_BE_ENCODED = re.compile(r"[A-Za-z0-9+/]{40}|(?:[0-9a-fA-F]{2,8}[ :]+){8}|\\x[0-9a-f]{2}|;base64,")
_SYMBOL_NAMES = re.compile(
    r"\b_{1,2}\w+|\.[a-z]+(?:\.[\w-]+)*\b|\blib\w+\.so(?:\.\d+)*|\b\w+@@?\w+|\bGCC: \([^)]*\) [\d.]+"
)
_LOG_LINE = re.compile(
    r"\[?(?:[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}|[0-9]{2}:[0-9]{2}:[0-9]{2}[.,][0-9]{3}"
    r"|[A-Z][a-z]{2} {1,2}[0-9]{1,2} [0-9]{2}:[0-9]{2}:[0-9]{2}|[0-9]{10,13}(?=[ \t.:]))"
    r"|(?:[0-9]{1,3}\.){3}[0-9]{1,3} \S+ \S+ \[|\s*at [\w$./<>]+\(|\$G[PNL][A-Z]{3},|\s*File \".*\", line [0-9]+"
    r"|\s*\.\.\. [0-9]+ more|Caused by: |\[?(?:DEBUG|INFO|WARN|WARNING|ERROR|TRACE|FATAL|NOTICE)\b[: \]]|(?:\w+=\S+\s+){3}|<[0-9]{1,3}>"
)
_LOG_LINES = 2
_MAIL_HEADER = re.compile(
    r"(?:received|sent|差出人|送信者|送信日時|宛先|件名|日時|message-id|x-[a-z-]+|mime-version|content-[a-z-]+|return-path|dkim-signature|authentication-results|arc-[a-z-]+"
    r"|received-spf|references|in-reply-to|delivered-to|reply-to|list-[a-z-]+|date|from|to|cc|bcc|subject|sender|importance)[:：]",
    re.I,
)
_LINK = re.compile(
    r"\[[^\]\n]*\]\((?:https?:|/|\.)[^)\n]*\)|(?:https?|ftp|file)://\S+|\bwww\.\S+|(?m:^\s*(?:\\\\|[A-Z]:\\|(?:\.{1,2}|~)?/)\S*[\\/].*$)"
    r"|(?<!\S)[#@][^\s#@]+"
)
_LINKS = 3
_REST_SHARE = 0.2


def _rest_share(text: str, rest: str) -> float:
    """Letters left, of all letters."""
    letters = len(_WORD_LETTERS.findall(text))
    return len(_WORD_LETTERS.findall(rest)) / letters if letters else 0.0


def without_front_matter(text: str) -> str:
    """The text below the fields of a site generator that begin it, under their title; other fields (YAML) stay."""
    found = _FRONT_MATTER.match(text)
    if found is None:
        return text
    lines = [line for line in found[2].split("\n") if line.strip()]
    named = [line for line in lines if line[:1] not in (" ", "-", "\t")]
    known = sum(bool(_FRONT_KEYS.match(line)) for line in named)
    if not known or known < _FRONT_SHARE * len(named):
        return text
    titles = (_TITLE.match(line) for line in named)
    title = next((match[1].strip(" \"'") for match in titles if match), "")
    rest = text[found.end() :].lstrip("\n")
    return f"{title}\n\n{rest}" if title and title not in rest[: 2 * len(title) + 10] else rest


def is_markup(text: str) -> bool:
    """Tags, shortcodes, the syntax of file formats, code pressed into one line, and hardly a word beside."""
    if (
        text.lstrip()[:3] in ("---", "+++")
        and (match := _FRONT_MATTER.match(text))
        and match.end() == len(text)
    ):
        return True
    if text.count("mso-") >= 2 and "{" in text:
        return True
    if _is_front_matter(text.split("\n")):
        return True
    if (
        ("{" in text or "\\" in text or "mso-" in text or "_Toc" in text)
        and _FIELD_CODE.search(text)
        and _rest_share(text, _FIELD_CODE.sub("", text)) < _REST_SHARE
    ):
        return True
    if text.lstrip().startswith("%PDF-") or " 0 obj" in text or " 0 R" in text:
        return _rest_share(text, _PDF_SYNTAX.sub("", text)) < 2 * _REST_SHARE
    if _HAS_MARKUP.search(text) and _rest_share(text, _MARKUP.sub("", text)) < _REST_SHARE:
        return True
    return _is_pressed_code(text)


_STYLE_RULE = re.compile(r"[\w.#:>*, @()-]+\{(?:\s*[a-z-]+\s*:[^{};]+;?)+\s*\}")
_SCRIPT = re.compile(
    r"function ?\w*\(|=>|\bvar |\bnull\b|\|\||&&|\bthis\.|!important|@media|\);|\}\}|\bpx\b|\.prototype|\btypeof\b|addEventListener|\$\("
)
_FIELD_CODE = re.compile(
    r"\b(?:PAGEREF|NUMPAGES|MERGEFORMAT|HYPERLINK|MERGEFIELD|STYLEREF|REF _\w+|_Toc[0-9]+|_Ref[0-9]+|_GoBack|TOC|PAGE|SEQ|INCLUDEPICTURE|EMBED [\w.]+)\b"
    r'|\\[\*@a-z](?: ?"[^"]*")?|mso-[a-z-]+:?[^;]*;?|x-none|normal [0-9]+|false|ja\b|en-us',
    re.I,
)
_TITLE = re.compile(r"title\s*[:=]\s*(.+)", re.I)
_FRONT_SHARE = 0.6
_FRONT_KEYS = re.compile(
    r"(?:title|date|draft|layout|tags?|categor(?:y|ies)|slug|permalink|weight|authors?|image|toc|lastmod|description|thumbnail|type|url|aliases"
    r"|keywords|published|comments|id|sidebar_\w+|nav_order|parent|template|status|excerpt|cover|series|lang|locale|menu|hidden)\s*[:=]",
    re.I,
)


def _is_front_matter(lines: list[str]) -> bool:
    fields = sum(bool(_FRONT_KEYS.match(line)) for line in lines)
    return fields >= 3 and fields >= 0.6 * sum(
        line[:3] not in ("---", "+++") and line[:1] != " " for line in lines
    )


def _is_pressed_code(text: str) -> bool:
    """Scripts and style sheets without blanks and line ends."""
    if text.isascii() and len(text) >= 80 * (text.count("\n") + 1):
        signs = len(_CODE_SIGNS.findall(text))
        if signs >= 0.1 * len(text) and (
            len(_SCRIPT.findall(text)) >= 3 or len(_STYLE_RULE.findall(text)) >= 2
        ):
            return True
    pressed = [match[0] for match in _CODE_RUN.finditer(text)]
    signs = sum(len(_CODE_SIGNS.findall(run)) for run in pressed)
    return sum(map(len, pressed)) > 0.6 * len(text) and signs > 0.08 * sum(map(len, pressed))


def is_encoded(text: str) -> bool:
    """Bytes written as letters, and the strings of programs."""
    if (
        (text.startswith("-----BEGIN ") and text.isascii())
        or "_rels/.rels" in text
        or (text.startswith("begin ") and text.isascii() and text.rstrip().endswith("end"))
    ):
        return True
    if (
        len(text) >= _ENCODED_CHARACTERS
        and _MAY_BE_ENCODED.search(text)
        and len(_ENCODED.sub("", text)) < _REST_SHARE * len(text)
    ):
        return True
    names = _SYMBOL_NAMES.findall(text) if ("__" in text or ".so" in text) and "=" not in text else []
    return len(names) >= 5 and _rest_share(text, _SYMBOL_NAMES.sub("", text)) < 0.5


def is_log(text: str) -> bool:
    """Lines that a program wrote about its run. A few of them in a text are an example, and stay."""
    if "```" in text:
        return False
    if text.startswith("Traceback (most recent") and text.isascii():
        return True
    lines = [line for line in text.split("\n") if line.strip()]
    return (
        len(lines) >= _LOG_LINES
        and sum(map(bool, map(_LOG_LINE.match, lines))) >= 0.8 * len(lines)
        and _is_ascii(text)
    )


def _is_ascii(text: str) -> bool:
    return sum(map(str.isascii, text)) >= 0.9 * len(text)


def is_mail_header(text: str) -> bool:
    """Header fields of a message and nothing else."""
    lines = [line for line in text.split("\n") if line.strip() and not line[0].isspace()]
    return len(lines) >= 3 and sum(map(bool, map(_MAIL_HEADER.match, lines))) >= 0.9 * len(lines)


def is_links(text: str) -> bool:
    """Links, paths or tags, and hardly a word beside them."""
    links = len(_LINK.findall(text))
    if not links:
        return False
    rest = _rest_share(text, _LINK.sub("", text))
    return rest < _REST_SHARE if links >= _LINKS else not rest
