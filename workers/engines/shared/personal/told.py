"""Names in sentences that tell of a person: 鹿角に引き継ぐ, 奈良井から電話, 若狭の後任, 妻籠いわく, 大間ほか二名."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workers.engines.shared.personal.name_parts import BEFORE_NAME, IDEOGRAPHS
from workers.engines.shared.personal.numbers import Place
from workers.engines.shared.personal.shapes import (
    FAMILY,
    is_full_name,
    is_region,
    is_sure_surname,
    may_be_family,
)

_ACTS = (
    "報告|連絡|相談|提出|渡|伝|聞|確認|依頼|引き?継|頼|任せ|託|一任|交代|尋ね|問い?合わ|電話|メール|指示|説明|謝|返却|見せ|手渡|預け|同行|代わ|教わ|教え|話し|言わ|手伝|申し送"
    "|叱|褒|お願|一報|声を|礼を|付き添|頭を|訊"
)
_HEARD = "連絡|報告|電話|聞|指摘|提案|質問|相談|返事|返信|回答|依頼|申し出|預か|受け取|引き?継|メール|要望|苦情|伝言|意見|説明|異論|発言|お礼|詫び"
_OWN = (
    "報告|指摘|提案|意見|説明|話|見解|机|席|端末|担当|後任|前任|代理|印|上司|部下|指示|判断|自宅|携帯|妻|夫|父|母|息子|娘|長男|長女|次男|次女|家族|ロッカー|案|発言|談|所見|主治医|転勤"
    "|異動|退職|休暇|復帰|申請|両名|了承|承諾|署名|机上|名刺|欠席|出席|代行|応急|作業|手元|経歴|略歴|功績|入社|帰り|不在|勤怠|有休|体調|旧姓|口座|名義|受け持ち|操作|機転|対応"
)
_CONTEXT = re.compile(
    rf"(?P<name>{FAMILY})(?<![様殿])(?=に(?:{_ACTS})|から(?:の)?(?:{_HEARD})|の(?:{_OWN})|まで(?:、?ご?連絡|お問|報告|提出|申し出|お知らせ)"
    r"|いわく|曰く|によれば|によると|としては|ほか(?:[0-9一二三四五六七八九十]|、|は|が|$)|ら[0-9一二三四五六七八九十](?:名|人)|以下[0-9一二三四五六七八九十]+(?:名|人)|両氏|両名|夫妻|親子|兄弟|姉妹|宛(?![先名])"
    r"|(?:は|が)(?:欠席|出席|不在|休み|休暇|出張|早退|遅刻|退席|着席|帰宅|入院|退院|担当|立ち会|立会|対応|確認|説明|報告|発言|質問|提案|指摘|同行|記入|署名|押印|受け取|引き受け|引き継|電話|連絡|現地|残業|直し|書い|答え|述べ|言っ|話し|調べ|持っ|伝え|受け付け)"
    r"|を(?:議長|指名|選任|任命|推薦|紹介|表彰|責任者|担当|リーダー|委員|後任|呼))"
)
_BEFORE = re.compile(rf"[{IDEOGRAPHS}ァ-ヶーA-Za-z0-9]$")


def told(text: str) -> Iterator[Place]:
    for match in _CONTEXT.finditer(text):
        name, start = match["name"], match.start()
        before = text[max(0, start - 4) : start]
        if _BEFORE.search(before) and not BEFORE_NAME.search(before):
            continue
        if is_full_name(name) or (
            len(name) > 1 and is_sure_surname(name) and may_be_family(name) and not is_region(name)
        ):
            yield match.span("name")
