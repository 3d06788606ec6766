"""What names are written with: letters, titles, and what may stand directly before a name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workers.engines.shared.personal.words import is_surname

IDEOGRAPHS = "㐀-䶿一-鿿々豈-﫿\U00020000-\U0003134f"
RUN = f"[{IDEOGRAPHS}][{IDEOGRAPHS}ヶケノツ]{{0,5}}"
FOREIGN_PART = "[ァ-ヶー]{1,12}"
TITLES = (
    r"さん(?!か(?!ら)|[ぜぐじず])|様(?![式子々相態])|氏(?![名神族子])|殿(?![堂下様物])|くん(?![れせ])|ちゃん(?![とぽこね])|君|先生|医師|看護師|看護部長|師長|弁護士|税理士|司法書士|社労士"
    r"|専務|常務|会長|副会長|社長|副社長|部長|次長|課長|係長|室長|主任|主査|主幹|主事|監査役|支配人|女将|理事長?|院長|教頭|教諭|教授|准教授|代理|運転者|運転手|運転士"
    r"|職長|班長|隊員|巡査|議員|委員長?|選手|監督|夫妻|ご夫妻|顧問|相談役|本部長|技師|研究員|記者|PT|OT|ST|専務理事|取締役|執行役員|副部長|主任技師|技術員|研修生|実習生|車掌|機長|船長|投手|師匠|先輩|後輩|容疑者|被告人?|夫人|女史|組合長|事務局長|幹事長|団長|座長|委員(?!会)|監事|幹事|コーチ|キャプテン|シェフ|チーフ|ディレクター|ドクター|医長|獣医師?|薬局長|学長|学部長|支配人|番頭|板長|現場代理人|参事|補佐|事務官|技官|検査員|管理人|棋士|画伯|名人|警部補?|巡査部長|警部|刑事|署長|判事|検事|書記官|調理員|調理長|料理長|栄養士|保健師|助産師|薬剤師|介護士|親方|棟梁|住職|神父|牧師|名誉教授|講師|助教|本人|フロント担当|リーダー|マネージャー|マネジャー"
)
OF_PLACES = "支店長|所長|店長|工場長|校長|園長|市長|町長|区長|駅長|館長|センター長|局長"
TITLE = re.compile(rf"(?:{TITLES}|{OF_PLACES})")
# What may stand directly before a name that is written without a blank: 購買課渡邊様, 弊社糸魚川.
BEFORE_NAME = re.compile(
    r"(?:[課部室係科局所店社医者員役長組班当町階任会院校園家]|当番|担当|保証人|[貸借]主|経理|総務|人事|営業|広報|購買|配車|施設|受付|窓口|[弊当御貴同]社|フロント|ドライバー|リーダー|スタッフ|同|故|亡|前|現|夫|妻|父|母|[男女]|孫|姉|妹|兄|弟|娘)$"
)
GIVEN = rf"[{IDEOGRAPHS}]{{1,7}}|[ぁ-ん]{{1,3}}[子江代美枝乃]|[ァ-ヶー]{{1,4}}[子江代美枝乃]|[ぁ-んー]{{2,8}}|[ァ-ヶー]{{2,8}}"
NO_GIVEN = frozenset(
    "様氏殿他宛印課部係長行分円年月日計号名者員店社家宅本個枚件回中上下内外前後別新旧同各有無済未良否可不約第人男女子父母夫妻兄弟姉妹町村市区県都府道駅生火水木土曜章節条項編款月"
)
NO_SINGLE = NO_GIVEN | frozenset("元奥孫摂源両神仏主客王姫若副正准親名全当現亡故何")
POSTS_AFTER = re.compile(rf"(?:{TITLES}|{OF_PLACES}|代表|役員|宅|家(?![{IDEOGRAPHS}])|邸)")


def overlapping(pattern: re.Pattern[str], text: str, group: str) -> Iterator[re.Match[str]]:
    """The matches, each of which may begin in the group of the one before: 理事長 雨宮 厳."""
    position = 0
    while match := pattern.search(text, position):
        yield match
        position = max(match.start(group), match.start() + 1)


def cut(family: str) -> int:
    """Letters of a department that stand before the family name: 弊社糸魚川."""
    for length in range(len(family) - 1) if not is_surname(family) else ():
        if length and is_surname(family[length:]) and BEFORE_NAME.search(family[:length]):
            return length
    return 0
