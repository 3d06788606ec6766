"""Postal addresses: a street with its numbers, and before it a town, a city, a prefecture or the word for an address.

The numbers are looked for first, so that a text is read once: what stands before them is read from a window.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from workers.engines.shared.personal.numbers import Place

_DASH = "[-‐‑‒–—―─−ー－ｰ]"
_NUMBER = "(?:[0-9]{1,5}|[〇一二三四五六七八九十百千]{1,7})"
_UNIT = rf"(?:丁目|番地の?|番(?![町線手目組号])|号|{_DASH}|の|条通?[東西南北]?|線[東西南北]?|部(?=[0-9]))"
_LAST_UNIT = "(?:丁目|番地|番(?![町線手目組号])|号(?![室機棟線車館]))"
_STREET = re.compile(
    rf"[0-9〇一二三四五六七八九十百千](?<![0-9A-Za-z.第/].)(?<![0-9〇一二三四五六七八九十百千]{_DASH}.)(?:(?<=[0-9])[0-9]{{0,4}}"
    rf"|(?<=[^0-9])[〇一二三四五六七八九十百千]{{0,6}})"
    rf"(?: ?{_UNIT} ?{_NUMBER}(?![年月日時分%]|[0-9]*(?:号[室棟]|階|F))){{0,4}}(?: ?{_LAST_UNIT})?"
)
_PREFECTURE = (
    r"(?:東京都|北海道|(?:京都|大阪)府|(?:青森|岩手|宮城|秋田|山形|福島|茨城|栃木|群馬|埼玉|千葉|神奈川|新潟|富山|石川"
    r"|福井|山梨|長野|岐阜|静岡|愛知|三重|滋賀|兵庫|奈良|和歌山|鳥取|島根|岡山|広島|山口|徳島|香川|愛媛|高知|福岡"
    r"|佐賀|長崎|熊本|大分|宮崎|鹿児島|沖縄)県)"
)
_POST_CODE = rf"(?:〒 ?[0-9]{{3}}{_DASH}?[0-9]{{4}}\n?|(?<![0-9-])[0-9]{{3}}{_DASH}[0-9]{{4}}(?= ))"
_KANA_CITIES = (
    "さいたま|つくばみらい|つくば|いわき|ひたちなか|かほく|あわら|うるま|たつの|えびの|みどり|さくら|むつ|にかほ|みやま|うきは|つがる"
    r"|(?<![ぁ-んー一-鿿])[ぁ-ん]{2,5}[一-鿿]{0,2}"
    "|南あわじ|南さつま|かすみがうら|ふじみ野|いすみ|あま|みよし|いなべ|さぬき|東かがわ|あきる野|いちき串木野"
)
_CITY = rf"(?:[一-鿿々ヶケノ]{{1,6}}?|{_KANA_CITIES})[市区郡町村]"
_KANA_TOWNS = (
    "みどり|さくら|あざみ|ひばり|みなと|あけぼの|つつじ|すみれ|ひかり|あさひ|たま|いずみ|けやき|もえぎ|わかば"
)
_TOWN = rf"(?:[一-鿿々〆ヶケァ-ヶ]|{_KANA_TOWNS}|(?![はがをにでとのもへや])[ぁ-ん]{{2,8}})[一-鿿々〆ヶケノァ-ヶーがのつるみ]{{0,22}}?"
_LABEL = "現住所|住所|所在地|自宅|送付先|届け先|届出先|転居先|本籍地?|居所|居住地|番地|address"
# The first that fits begins furthest to the left.
_BEFORE = re.compile(
    rf"(?:{_POST_CODE} ?)?{_PREFECTURE} ?(?:{_CITY} ?){{0,3}}(?:{_TOWN} ?)?$"
    rf"|(?:{_POST_CODE} ?)?(?<![一-鿿々ァ-ヶー])(?:{_CITY} ?){{1,3}}(?:{_TOWN} ?)?$"
    rf"|{_POST_CODE} ?{_TOWN} ?$"
)
_BEFORE_LABELLED = re.compile(
    rf"(?:{_LABEL})(?:\([^()]*\))?(?:[ :は]|である)* ?(?P<town>(?:{_TOWN})?) ?$", re.I
)
_STARTS_LABEL = re.compile(rf"(?:(?:{_LABEL})[ :は]?|[新旧先元][ :は])+")
_NO_CITY = re.compile(
    r"(?:(?<!京)都市|[新同各両全諸]市|市[区町村]|同[区町村]|[各全][区町村]|地区|工区|学区|区分|区間|市場|市況|市販|町会|村長|郡部|大区|小区)"
)
_NO_TOWN = re.compile(
    r"工場|手順|計画|様式|別表|会議|資料|事務|事業|営業|規程|規則|条例|仕様|結果|調査|人口|統計|税|予算|基準|通達|議案|全域|管内|以下|以上|合計|およそ|約$"
)
# Where no prefecture, post code or city stands before.
_NO_TOWN_END = re.compile("[条項号表図版順料部課年月期回番点台棟案章節の]$")
_POST_CODE_ALONE = re.compile(rf"〒 ?[0-9]{{3}}{_DASH}?[0-9]{{4}}")
_POST_CODE_LINE = re.compile(rf"〒 ?[0-9]{{3}}{_DASH}?[0-9]{{4}}$")
_BUILDING_WORD = (
    "ビル|マンション|アパート|ハイツ|ハイム|コーポ|メゾン|荘|レジデンス|タワー|ハウス|コート|プラザ|パレス|団地|ヒルズ|テラス|館|寮|社宅|住宅|苑|ホーム"
    "|センター|病院|ハイランド|グラン|シャトー|ヴィラ|ガーデン|スクエア|フォレスト|サンライズ|レジデンシャル|キャッスル|ドーム|ベース"
)
_ROOM = (
    rf"(?:(?:[A-Z]|[0-9]{{1,3}}号)棟 ?)?(?:[A-Z]{_DASH}?)?(?:[0-9]{{1,5}}(?:{_DASH}[0-9]{{1,4}})?|[一二三四五六七八九十]{{1,3}}(?=[階号])|[〇一二三四五六七八九十百]{{3}}|[0-9]{{1,2}}{_DASH}[A-Z])(?:号室?|号棟|階|F)?"
    rf"(?![0-9年月日円名人件様時歳]|{_DASH}[0-9])"
)
_SURE_ROOM = rf"(?:[A-Z]?{_DASH}?[0-9]{{1,5}}(?:号室?|階|F)|[一二三四五六七八九十]{{1,3}}(?:階|号室)|(?:[A-Z]|[0-9]{{1,3}}号)棟)"
_BUILDING = re.compile(
    rf" ?(?:(?:[A-Za-z]{{2,12}} )?[一-鿿々ァ-ヶーA-Za-z・0-9]{{0,12}}(?:{_BUILDING_WORD})[一-鿿々ぁ-んァ-ヶーA-Za-z・]{{0,10}}?(?:内|方(?!面))?(?: ?{_ROOM}){{0,2}}(?![一-鿿ァ-ヶー]|(?![へにをはでがとのもやか])[ぁ-ん])"
    rf"|(?:[A-Za-z]{{2,12}} )?[一-鿿々ァ-ヶーA-Za-z・0-9]{{0,12}}(?:{_BUILDING_WORD})[一-鿿々ァ-ヶーA-Za-z・]{{0,10}}(?: ?{_ROOM}){{0,2}}"
    rf"| [ぁ-ん]{{2,8}}(?:{_BUILDING_WORD})(?: ?{_ROOM})?"
    rf"|[ァ-ヶー・]{{3,14}}[一-鿿々]{{0,5}} ?{_ROOM}"
    rf"|[^\s。、,|()〔〕0-9]{{1,20}}?[0-9]{{1,5}}(?:号室?|階|F)|{_SURE_ROOM})(?: ?(?:[一-鿿ァ-ヶー]{{2,12}} ?)?{_SURE_ROOM})?"
)
_NEXT_LINE = re.compile(
    rf"\n(?:[一-鿿々ァ-ヶーA-Za-z・0-9 ]{{0,16}}(?:{_BUILDING_WORD})[一-鿿々ァ-ヶーA-Za-z・]{{0,10}}|[ァ-ヶー・]{{3,14}}[一-鿿々]{{0,5}}) ?{_ROOM}$",
    re.M,
)
"""The house and the room in a line of their own."""
# After a town alone 本町3丁目 is a part of a town, and 本町1-5 may be anything.
_OWN_LOT = re.compile(f"番|丁目.*{_NUMBER}")
_COUNTED = re.compile(
    r" ?(?:[年月日時分秒円名人件台個回校社店戸棟度階%万億千百つ位級本枚点世カか.,〜~]|km|[A-Za-z])"
)
"""After a number that counts something."""
_NO_LOT = re.compile("[のがをはでと] ?$|学校|大学|駅|公園|[都道府県市区町村]立|選挙|[国県市都府]道|線$|第$")
_WINDOW = 60
# 2-14-6 Kita-Kasai, Edogawa-ku, Tokyo 134-0081, Japan. A room may stand before, a prefecture and a postal code after.
_IN_ENGLISH = re.compile(
    r"(?<![A-Za-z0-9./-])(?:[A-Za-z0-9 -]{2,40}, ?)?[0-9]{1,4}(?:-[0-9]{1,4}){0,3},? (?:[A-Z][A-Za-z]{1,20}(?:-[A-Za-z]{1,12}){0,2}(?: [0-9]-[Cc]home)?(?:,? ?|$)){1,6}"
    r"(?:[0-9]{3}-[0-9]{4})?(?:,? ?Japan)?",
)
_OF_JAPAN = re.compile(
    r"-(?:ku|shi|cho|machi|gun|son|mura|chome|to|ken|fu)(?![a-z])|(?:Tokyo|Osaka|Kyoto|Japan)[ ,]*[0-9]{3}-[0-9]{4}|Japan$"
)


def addresses(text: str) -> Iterator[Place]:
    end = 0
    for street in _STREET.finditer(text):
        if street.start() >= end and (start := _begin(text, street, end)) is not None:
            building = _BUILDING.match(text, street.end()) or _NEXT_LINE.match(text, street.end())
            end = building.end() if building else street.end()
            yield start, end
    yield from (match.span() for match in _POST_CODE_ALONE.finditer(text))
    if "-" in text or "Japan" in text:
        yield from (match.span() for match in _IN_ENGLISH.finditer(text) if _OF_JAPAN.search(match[0]))


def _begin(text: str, street: re.Match[str], least: int) -> int | None:
    """Where the address with this street begins; None if it is none."""
    number = street[0]
    is_named = re.search("丁目|番", number) is not None
    is_bare_number = not (is_named or re.search(rf"[^\s]{_DASH}.|の|条|線", number))
    if is_bare_number and (not number[0].isascii() or _COUNTED.match(text, street.end())):
        return None
    left = max(least, street.start() - _WINDOW)
    window = text[left : street.start()]
    above, _, line = window.rpartition("\n")
    code = _POST_CODE_LINE.search(above)
    window = window[code.start() :] if code else line
    left = street.start() - len(window)
    if labelled := _BEFORE_LABELLED.search(window):
        town = labelled["town"]
        if not (is_bare_number or _NO_TOWN.search(town) or _NO_TOWN_END.search(town)):
            return left + labelled.start("town") if town else street.start()
    if not re.search("[都道府県市区郡町村〒]", window):
        return None
    place = _BEFORE.search(window)
    if place is None:
        return None
    begin = place.start()
    if label := _STARTS_LABEL.match(place[0]):
        begin += label.end()
    rest = window[begin:]
    has_region = re.match(rf"{_POST_CODE}|{_PREFECTURE}", rest)
    if not has_region and (_NO_CITY.search(rest) or not re.search("[市区郡町村]", rest)):
        return None
    is_bare = re.fullmatch("[^市区郡町村]+[市区郡町村] ?", rest) is not None
    if is_bare_number and _NO_LOT.search(rest):
        return None
    if (is_bare_number and not (has_region or "郡" in rest or re.search("市.*[区町村字]", rest))) or (
        is_bare_number and re.search("[都道府県市区郡] ?$", rest)
    ):
        return None
    if not has_region and not is_named and _NO_TOWN_END.search(rest.strip()):
        return None
    if _NO_TOWN.search(rest.strip()) or (is_bare and not has_region and not _OWN_LOT.search(number)):
        return None
    return left + begin
