"""Invented people, places, companies and numbers, of which the labelled sentences are made."""

from __future__ import annotations

import random
from collections.abc import Callable

SURNAMES = [
    "山田",
    "佐々木",
    "髙橋",
    "﨑山",
    "𠮷田",
    "渡邉󠄀",
    "葛󠄀城",
    "浅茅",
    "鵲田",
    "逢生",
    "長谷川",
    "五十嵐",
    "林",
    "森",
    "阿部",
    "服部",
    "小室",
    "田所",
    "中村",
    "東",
    "小鳥遊",
    "勅使河原",
    "一ノ瀬",
    "三ツ橋",
    "大久保",
    "御手洗",
    "岸",
    "神谷",
    "早乙女",
    "黒木",
]
GIVEN_NAMES = [
    "太郎",
    "花子",
    "健",
    "一郎",
    "はるか",
    "さくら",
    "克典",
    "澄江",
    "隼人",
    "美代子",
    "ヒロシ",
    "翔",
    "直人",
    "真由美",
    "慎之介",
    "恵",
    "光長",
    "和主",
    "みどり",
    "悟",
]
SURNAME_READINGS = [
    "ヤマダ",
    "ササキ",
    "タカハシ",
    "サキヤマ",
    "ヨシダ",
    "アサヂ",
    "トキタ",
    "ヨモギウ",
    "ハセガワ",
    "モリ",
    "アベ",
    "タドコロ",
]
GIVEN_READINGS = [
    "タロウ",
    "ハナコ",
    "ケン",
    "イチロウ",
    "カツノリ",
    "スミエ",
    "ハヤト",
    "ミヨコ",
    "ショウ",
    "ナオト",
    "メグミ",
    "サトル",
]
ROMAN_SURNAMES = ["Yamada", "Sasaki", "Takahashi", "Asaji", "Hasegawa", "Mori", "Abe", "Kamiya", "Kuroki"]
ROMAN_GIVEN_NAMES = ["Taro", "Hanako", "Ken", "Katsunori", "Sumie", "Hayato", "Naoto", "Megumi"]
COMPANIES = [
    "株式会社青葉精機",
    "蒼海電機株式会社",
    "葦辺物流",
    "(株)鵲製作所",
    "田中工業",
    "山田商店",
    "有限会社みどり堂",
    "佐藤建設",
    "葦辺市役所",
    "三ツ橋銀行",
    "高橋病院",
    "東山大学",
]
DEPARTMENTS = [
    "総務部",
    "設備保全課",
    "品質保証課",
    "購買課",
    "経理部",
    "第二営業課",
    "東京支店",
    "大阪営業所",
]
POSTS = ["課長", "部長", "係長", "主任", "工場長", "支店長", "課長代理"]
PRODUCTS = ["渦巻ポンプ", "KP-220", "高橋式弁", "軸受6204ZZ", "山水ろ過器", "X-1200A"]
CITIES = [
    "滋賀県葦辺市",
    "東京都千代田区",
    "大阪府大阪市北区",
    "福井市",
    "葦辺市",
    "横浜市鶴見区",
    "神奈川県足柄下郡箱根町",
    "京都府京都市左京区",
    "岡山市",
    "北海道札幌市中央区",
]
TOWNS = [
    "本町",
    "大手",
    "梅田",
    "丸の内",
    "緑が丘",
    "鶴見中央",
    "大字下原",
    "三条通",
    "八幡",
    "霞が関",
    "一番町",
    "南五条西",
]
BUILDINGS = (
    "メゾン葦辺306号",
    "グリーンハイツ 203号室",
    "葦辺ビル4階",
    "コーポ鵲101",
    "第2葦辺マンション 5F",
)
DASHES = "-‐‑‒–—―─−ー－ｰ"
NUMERALS = "〇一二三四五六七八九"

Pick = Callable[[random.Random], str]


def person(r: random.Random) -> str:
    return r.choice(SURNAMES) + r.choice(("", " ", "　")) + r.choice(GIVEN_NAMES)


def spaced(r: random.Random) -> str:
    return f"{r.choice(SURNAMES)} {r.choice(GIVEN_NAMES)}"


def reading(r: random.Random) -> str:
    return r.choice(SURNAME_READINGS) + r.choice((" ", "　")) + r.choice(GIVEN_READINGS)


def hiragana(r: random.Random) -> str:
    return "".join(chr(ord(letter) - 96) if "ァ" <= letter <= "ヶ" else letter for letter in reading(r))


def roman(r: random.Random) -> str:
    surname, given = r.choice(ROMAN_SURNAMES), r.choice(ROMAN_GIVEN_NAMES)
    return r.choice((f"{given} {surname}", f"{surname.upper()} {given}", f"{surname} {given}"))


def digits(r: random.Random, count: int) -> str:
    return "".join(r.choice("0123456789") for _ in range(count))


def phone(r: random.Random) -> str:
    area, office = r.choice(
        (("03", 4), ("06", 4), ("0776", 2), ("045", 3), ("090", 4), ("080", 4), ("050", 4))
    )
    first, last = r.choice("23456789") + digits(r, office - 1), digits(r, 4)
    dash = r.choice(DASHES)
    plain = [f"{area}{dash}{first}{dash}{last}"] * 6
    other = [
        f"({area}){first}-{last}",
        f"（{area}）{first}－{last}",
        f"{area}({first}){last}",
        f"{area} {first} {last}",
        f"{area} - {first} - {last}",
        f"+81-{area[1:]}-{first}-{last}",
        f"+81 {area[1:]} {first} {last}",
        f"+81 (0){area[1:]}-{first}-{last}",
        f"{area}～{first}～{last}",
    ]
    return r.choice(plain + other).translate(
        r.choice(({}, {ord("0") + n: chr(ord("０") + n) for n in range(10)}))
    )


def bare_phone(r: random.Random) -> str:
    return r.choice(("03", "06", "045", "0776")).ljust(4, "5") + digits(r, 6)


def mobile(r: random.Random) -> str:
    return r.choice(("090", "080", "070")) + r.choice("2345") + digits(r, 7)


def kanji_number(number: int) -> str:
    tens, ones = divmod(number, 10)
    ten = ("" if tens == 1 else NUMERALS[tens]) + "十" if tens else ""
    return ten + (NUMERALS[ones] if ones else "")


def address(r: random.Random) -> str:
    block, lot, house = r.randint(1, 9), r.randint(1, 29), r.randint(1, 29)
    city, town = r.choice(CITIES), r.choice(TOWNS)
    dash = r.choice("-－−ー")
    street = r.choice(
        (
            f"{block}丁目{lot}番{house}号",
            f"{kanji_number(block)}丁目{kanji_number(lot)}番{kanji_number(house)}号",
            f"{kanji_number(block)}丁目{lot}番地{house}",
            f"{block}{dash}{lot}{dash}{house}",
            f"{block}丁目{lot}{dash}{house}",
            f"{lot * 41}番地",
            f"{lot * 41}番地の{house}",
            f"{block}の{lot}の{house}",
        )
    )
    blank = r.choice(("", "", " "))
    mark = r.choice(("", "", "", f"〒{digits(r, 3)}-{digits(r, 4)} "))
    building = r.choice(("", "", f" {r.choice(BUILDINGS)}"))
    return f"{mark}{city}{blank}{town}{blank}{street}{building}"


def my_number(r: random.Random) -> str:
    body = digits(r, 11)
    weights = [n + 1 if n <= 6 else n - 5 for n in range(1, 12)]
    rest = sum(int(digit) * weight for digit, weight in zip(reversed(body), weights, strict=True)) % 11
    number = body + str(0 if rest <= 1 else 11 - rest)
    return r.choice(
        (number, f"{number[:4]} {number[4:8]} {number[8:]}", f"{number[:4]}-{number[4:8]}-{number[8:]}")
    )


def corporate_number(r: random.Random) -> str:
    body = digits(r, 12)
    total = sum(int(digit) * (1 if n % 2 else 2) for n, digit in enumerate(reversed(body), 1))
    return f"{9 - total % 9}{body}"


def card(r: random.Random) -> str:
    body = r.choice(("4", "51", "35")).ljust(2, "2") + digits(r, 13)
    total = 0
    for index, digit in enumerate(reversed(body)):
        value = int(digit) * (1 if index % 2 else 2)
        total += value - 9 if value > 9 else value
    number = body + str(-total % 10)
    groups = [number[at : at + 4] for at in range(0, 16, 4)]
    return r.choice((number, " ".join(groups), "-".join(groups)))


def date(r: random.Random) -> str:
    year, month, day = r.randint(1950, 2008), r.randint(1, 12), r.randint(1, 28)
    return r.choice(
        (
            f"{year}年{month}月{day}日",
            f"{year}/{month:02}/{day:02}",
            f"{year}-{month:02}-{day:02}",
            f"{year}.{month}.{day}",
            f"昭和{r.randint(30, 63)}年{month}月{day}日",
            f"平成{kanji_number(r.randint(2, 19))}年{kanji_number(month)}月{kanji_number(day)}日",
            f"S{r.randint(30, 63)}.{month}.{day}",
        )
    )


def secret(r: random.Random) -> str:
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
    return "".join(r.choice(letters) for _ in range(r.randint(10, 28))) + r.choice("23456789")


def token(r: random.Random) -> str:
    body = secret(r) + secret(r) + secret(r)
    return r.choice(
        (f"sk-{body}", f"ghp_{body[:36]}", f"AKIA{body[:16].upper()}", f"xoxb-{digits(r, 11)}-{body[:24]}")
    )


def email(r: random.Random) -> str:
    name = f"{r.choice(ROMAN_GIVEN_NAMES)}.{r.choice(ROMAN_SURNAMES)}".lower()
    return r.choice((name, name.replace(".", "_"), name[0] + name.partition(".")[2])) + r.choice(
        (
            "@example.co.jp",
            "@mail.example.com",
            "@aoba-seiki.example",
        )
    )


LABELLED: dict[str, tuple[str, Pick]] = {
    "name": ("name", person),
    "spaced": ("name", spaced),
    "sei": ("name", lambda r: r.choice(SURNAMES)),
    "mei": ("name", lambda r: r.choice(GIVEN_NAMES)),
    "seikana": ("name", lambda r: r.choice(SURNAME_READINGS)),
    "meikana": ("name", lambda r: r.choice(GIVEN_READINGS)),
    "kana": ("name", reading),
    "hira": ("name", hiragana),
    "roman": ("name", roman),
    "phone": ("phone", phone),
    "barephone": ("phone", bare_phone),
    "mobile": ("phone", mobile),
    "address": ("postal_address", address),
    "mynumber": ("my_number", my_number),
    "corporate": ("corporate_number", corporate_number),
    "card": ("credit_card", card),
    "account": ("bank_account", lambda r: digits(r, 7)),
    "ordinary": ("bank_account", lambda r: f"普通 {digits(r, 7)}"),
    "current": ("bank_account", lambda r: f"当座 {digits(r, 7)}"),
    "deposit": ("bank_account", lambda r: f"普通預金 {digits(r, 7)}"),
    "in_brackets": ("bank_account", lambda r: f"普通){digits(r, 7)}"),
    "with_label": ("bank_account", lambda r: f"普通 口座番号 {digits(r, 7)}"),
    "birth": ("birth_date", date),
    "birthyear": ("birth_date", lambda r: f"{r.randint(1950, 2008)}年"),
    "secret": ("secret", secret),
    "token": ("secret", token),
    "connection": ("secret", lambda r: f"postgres://app:{secret(r)}@db.example.com/app"),
    "address_with_token": ("secret", lambda r: f"https://bot:{token(r)}@git.example.com/a.git"),
    "email": ("email", email),
}
"""What a field of a template becomes, and of which kind it is."""

PLAIN: dict[str, Pick] = {
    "company": lambda r: r.choice(COMPANIES),
    "dept": lambda r: r.choice(DEPARTMENTS),
    "post": lambda r: r.choice(POSTS),
    "product": lambda r: r.choice(PRODUCTS),
    "city": lambda r: r.choice(CITIES),
    "date": date,
    "d4": lambda r: digits(r, 4),
    "d6": lambda r: digits(r, 6),
    "d7": lambda r: digits(r, 7),
    "d10": lambda r: "0" + digits(r, 9),
    "d12": lambda r: "1" + digits(r, 11),
    "d16": lambda r: "9" + digits(r, 15),
    "n": lambda r: str(r.randint(1, 30)),
    "some12": my_number,
    "hash": lambda r: "".join(r.choice("0123456789abcdef") for _ in range(40)),
}
"""Fields that are no personal data where they stand."""
