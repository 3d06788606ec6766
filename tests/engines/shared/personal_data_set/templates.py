"""Sentences, forms, logs, settings, code and tables, one a line; `{name}` is a field of `parts`.

In a table cells are separated by `|` and rows by ` / `.
"""

TEXTS = r"""
夜間の直通電話は{phone}で、当直の者が受ける。
電話:{phone} 内線{n}
TEL {phone} / FAX {phone}
緊急連絡先({phone})に連絡すること。
携帯{mobile}、自宅{phone}
連絡先：{phone}(代表)
Tel: {phone}
電話番号 {barephone}
TEL:{barephone}
2024-04-01 10:22:31 INFO 着信 from={phone}
contact_phone: "{phone}"
「{phone}へ折り返し」とのこと。
届出例 {address}に居住する者は、第一班に入る。
住所：{address}
自宅は{address}です。
送付先 {address}
{address} に集合し、徒歩で本社へ向かう。
現住所 {address}
現地({address})を確認した。
転居先は{address}となる。
氏名：{name}
お名前 {spaced}
担当：{sei}
担当者: {name}(内線{n})
申請者 {spaced} 印
フリガナ：{kana}
ふりがな: {hira}
ローマ字氏名: {roman}
{dept}の{sei}さんに渡す。
{sei}様からのご依頼で見積を出した。
{spaced}様
{company} {dept} {sei}様
{post}の{sei}が承認した。
{sei}{post}に報告した。
{sei}氏の指摘により図面を直した。
(氏名){name}
【氏名】{name}
作成者:{name} 承認者:{name}
記入者 : {spaced}
立会人：{name}、{name}
家族の氏名: {name} 続柄: 妻
姓：{sei} 名：{mei}
口座名義 {kana}
発信者: {name} <{email}>
先週、{sei}さんと{sei}さんが点検した。
個人番号 {mynumber}
マイナンバー：{mynumber}
本人の個人番号は{mynumber}である。
扶養親族のマイナンバーは {mynumber} と届け出た。
個人番号(12桁) {mynumber}
my_number: {mynumber}
法人番号 {corporate}
法人番号：{corporate}
国税庁の法人番号は{corporate}である。
登録番号 T{corporate}
適格請求書発行事業者登録番号：T{corporate}
カード番号 {card}
クレジットカード：{card}
カードは{card}を使う。
card_number={card}
支払 {card} 一括
{company}の法人カード {card} で払う。
振込先 葦辺銀行 本店 {ordinary}
口座番号：{account}
{deposit} に振り込む。
三ツ橋銀行 鵲支店 {current}
給与の振込口座は葦辺信用金庫 ({in_brackets} とする。
銀行口座 {with_label}
生年月日：{birth}
生年月日 {birth}
{birth}生まれの社員
{birth}生
{birthyear}生まれの者は対象とする。
誕生日は{birth}です。
birth_date: {birth}
DB_PASSWORD={secret}
password = "{secret}"
パスワード：{secret}
初期パスワードは {secret} です。
api_key: {secret}
Authorization: Bearer {token}
export OPENAI_API_KEY={token}
トークン {token} を貼り付ける。
APIキー：{token}
{connection}
secret_key: '{secret}'
git clone {address_with_token}
連絡は{email}まで
送信者 <{email}>
{email}, {email}
user={email} action=login
メール：{email}
mailto:{email}
E-mail {email} に送る。
author = "{email}"
"""

TABLES = r"""
社員番号|姓|名|セイ|メイ|氏名(漢字)|フリガナ|所属 / {d4}|{sei}|{mei}|{seikana}|{meikana}|{spaced}|{kana}|{dept} / {d4}|{sei}|{mei}|{seikana}|{meikana}|{spaced}|{kana}|{dept}
No.|お名前|ローマ字|部署 / 1|{name}|{roman}|{dept} / 2|{name}|{roman}|{dept}
氏名||部署 / 姓|名| / {sei}|{mei}|{dept} / {sei}|{mei}|{dept}
設備|担当者|期限 / {product}|{name}|{date} / {product}|{sei}|{date}
工程|責任者氏名|電話番号 / 検査|{name}|{barephone} / 組立|{name}|{phone}
氏　名|{name} / 住　所|{address} / 電　話|{phone} / 生年月日|{birth}
申請者|{name} / 所属|{dept} / 承認者|{sei}
個人番号|氏名|生年月日 / {mynumber}|{name}|{birth} / {mynumber}|{name}|{birth}
銀行|支店|種別|口座番号|口座名義 / 葦辺銀行|本店|普通|{account}|{kana} / 三ツ橋銀行|鵲支店|当座|{account}|{kana}
カード番号|有効期限|名義人 / {card}|09/27|{roman} / {card}|01/28|{roman}
システム|ユーザー|パスワード / 勤怠|u{d4}|{secret} / 購買|u{d4}|{secret}
参加者|連絡先|住所 / {name}|{mobile}|{address} / {name}|{phone}|{address}
Name|Department|E-mail / {roman}|{dept}|{email} / {roman}|{dept}|{email}
会社名|法人番号 / {company}|{corporate} / {company}|{corporate}
姓(漢字)|名(漢字)|姓(カナ)|名(カナ)|所属 / {sei}|{mei}|{seikana}|{meikana}|{dept}
"""

LOOKALIKES = r"""
注文番号 {d10} を確認する。
製造番号 123-4567-8901、型番 0123-45-678
2024-04-01から2025-03-31まで
受付 0{d6}-{d4}
https://example.com/items/03-1234-5678/detail
https://example.com/?id=090{d7}1
2024-04-01T03:12:34 ID=0{d4}-{d4}
金額 0円から1,234,567円、差引 03-1200 千円
図面番号 06-1234-567{n}、改訂 03
お客様窓口 0120-123-456、0570-000-123
ISBN 978-4-00-310101-{n}
IP 192.168.0.1、ポート 08080
{{"id": 090{d7}4, "ts": 1711929600}}
計測値 -0.9012345678 と 090.1234
第3条第2項の規定による。
得点は 3-2-1 であった。
第1章 1-2-3 の手順に従う。
本町工場の3号機、2番線
東京都および大阪府の最低賃金
{city}に工場を建てる計画
一丁目一番地の課題とする。
市場調査の結果は2-1-3の表のとおり。
町会費 1-3月分を納める。
棚番 3丁目ではなく3-4-5を使う。
部品表 1-5-22 を参照する。
お客様、皆様、関係者各位
仕様と様式は同様とする。
{company}様からの注文
{company}　御中
取引先様・担当者様へ
業者さんに依頼し、職人さんと確認する。
摂氏{n}度、両氏、源氏
担当：{dept}
担当者: 未定
責任者 部長または課長
{post}の承認を得る。
{post}の指示に従い、速やかに報告する。
総務課長に報告し、工場長が決裁する。
申請者は所定の様式に記入する。
承認者：各部門長
作成者 別紙参照
name: kosha-worker
  - name: Run Tests
name: 葦辺工場
names = ["alpha", "beta"]
氏名を記入すること。
氏名 役職 部署
お名前をお聞かせください。
製品名：{product}
会社名：{company}
作成部署：{dept}
名称：山田ポンプ
富士山様式の看板
フリガナを付ける。
info@example.co.jp と soumu@example.co.jp
追跡番号 {some12}
伝票番号 {d12}
お問い合わせ番号 {some12}
製造ロット {d12}
シリアル {d16}
JAN 49{d10}1
通帳 普通 {n} 冊
普通 {d7}
品番 {d7}
伝票 {d7} を口座担当へ回す。
発行日 {date}
施行期日 {date}
設立 {date}
{date}に製造した。
株式会社は1985年に生まれ変わった。
パスワードを変更すること。
パスワード：8文字以上
password = os.environ["DB_PASSWORD"]
password: ${{DB_PASSWORD}}
token_count: 2048
commit {hash}
sha256 {hash}
max_tokens=1024
PASSWORD_MIN_LENGTH = 12
パスワード：別途連絡
api_key: <your-api-key>
monkey = bananas
@dataclass と @property
user@localhost
担当課：{dept} 担当係：第一係
本人確認は窓口の担当者が行う。
支店長会議の議事は課長補佐がまとめる。
奥様方、王様、神様
氏神と人名用漢字
さんずいの漢字、たくさんの例
皆さんとお子さん、おかあさん
工場長の交代は{date}に行う。
"""

LOOKALIKE_TABLES = r"""
品名|名称|数量 / {product}|山田ポンプ|{n} / {product}|東弁|{n}
会社名|店名|担当部署 / {company}|東京支店|{dept} / {company}|大阪店|{dept}
設備名|工程名|部品名 / {product}|組立|{product}
担当|期限 / {dept}|{date} / 未定|{date}
注文番号|日付|金額 / {d10}|{date}|12,000 / {some12}|{date}|3,000
項目|値 / name|nginx / version|1.2.3
条文|参照 / 第3条第2項|1-2-3 / 第4条|3-2-1
日付|担当者 / {date}|各部門 / {date}|総務部長
"""
