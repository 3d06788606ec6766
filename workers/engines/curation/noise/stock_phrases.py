"""Stock phrases: words of menus, banners, footers, forms of address, placeholders, advertising, which say nothing of a company.

A text is noise if hardly anything is left of it without them: one of them in a text that says something is content. A short
phrase counts where it stands alone between blanks and marks, a sentence where all of it is of a known form.
"""

from __future__ import annotations

import re

_PHRASES = """
ホーム トップ トップページ top home 戻る 次へ 前へ 進む 一覧 一覧へ 一覧へ戻る 一覧に戻る 一覧を見る トップへ戻る トップに戻る ページトップ
ページトップへ ページの先頭へ 先頭へ 上へ 上へ戻る このページのトップへ このページの先頭へ このページの上へ前のページ 次のページ 前のページへ 次のページへ 前の記事
次の記事 前の10件 次の10件 最初 最後 最初へ 最後へ 先月 翌月 前月 来月 今月 今日 もっと見る もっと読む 続きを読む 続きを見る 詳細 詳細を見る 詳細はこちら 詳しく見る
詳しくは 詳しくはこちら こちら こちらから こちらをクリック はこちら 続きはこちら 閉じる 開く 展開 折りたたむ 表示 非表示 表示件数 並べ替え 並び順 新着順 古い順 新しい順
価格の安い順 価格の高い順 人気順 おすすめ順 関連度順 絞り込み 絞り込む 検索 検索する 検索結果 詳細検索 サイト内検索 キーワード検索 クリア リセット 送信 送信する 登録する
保存する キャンセル 確認する コピー 印刷する このページを印刷する ダウンロード ダウンロードする アップロード 共有 共有する シェア シェアする ツイート いいね ブックマーク
お気に入り お気に入りに追加 フォロー フォローする フォロワー 返信 返信する 転送 全員に返信 コメント コメントする コメントを書く ログイン ログアウト サインイン サインアウト 新規登録 会員登録
新規会員登録 無料会員登録 無料登録 マイページ マイアカウント アカウント カート カートを見る カートに入れる 買い物かご 買い物かごに入れる 購入手続きへ レジに進む ご注文手続き メニュー menu ヘルプ
ユーザー名 ユーザーid パスワード パスワードを忘れた方 パスワードを忘れた方はこちら パスワードをお忘れの方 ログイン状態を保持する 次回から自動的にログイン 会社案内 会社概要 会社情報 企業情報 企業概要
事業案内 事業内容 事業紹介 製品 製品情報 製品案内 製品紹介 商品情報 商品一覧 商品案内 製品一覧 サービス サービス一覧 サービス紹介 サービス案内 導入事例 事例紹介 事例 お客様の声 実績紹介 採用
採用情報 求人情報 新卒採用 中途採用 キャリア採用 ir ir情報 投資家情報 株主・投資家情報 株主 投資家の皆様へ 投資家の皆さまへ ニュース ニュースリリース プレスリリース お知らせ お知らせ一覧 新着情報 最新情報 トピックス イベント
イベント情報 イベント一覧 ブログ コラム メディア掲載 資料請求 資料ダウンロード カタログ カタログダウンロード お問い合わせ お問合せ お問合わせ 問い合わせ お問い合わせはこちら お問い合わせフォーム ご意見 ご意見・ご感想 よくある質問
よくあるご質問 よくあるお問い合わせ faq q&a ご利用案内 ご利用ガイド 利用ガイド ご利用規約 利用規約 ご利用にあたって ご利用条件 プライバシー プライバシーポリシー 個人情報保護方針 個人情報の取り扱い
個人情報の取扱い 個人情報の取扱いについて 個人情報の取り扱いについて 個人情報保護 特定商取引法に基づく表記 特定商取引法に基づく表示 特商法表記 サイトマップ サイトポリシー このサイトについて 当サイトについて ウェブアクセシビリティ
アクセシビリティ アクセシビリティ方針 免責事項 リンク リンク集 リンク・著作権 リンクについて リンク・著作権等について 著作権 著作権について 関連リンク 関連サイト 関連情報 関連記事 関連ページ 関連ファイル 外部リンク 人気記事
人気の記事 おすすめ おすすめ記事 おすすめ商品 最近の記事 最近の投稿 新着記事 カテゴリ カテゴリー カテゴリー一覧 アーカイブ 月別アーカイブ タグ タグクラウド メタ情報 ランキング アクセス 交通アクセス アクセスマップ
店舗検索 店舗情報 所在地 言語 language english japanese 日本語 中文 中文(简体) 中文(繁體) 简体中文 繁體中文 한국어 tiếng việt português español français deutsch 文字サイズ 背景色 元に戻す
音声読み上げ ふりがな ふりがなをつける やさしい日本語 本文へ 本文へ移動 本文へスキップ 本文へスキップします メニューへ移動 メニューへ フッターへ移動 ナビゲーションへ移動 ナビゲーションをスキップ コンテンツへスキップ 検索へ移動
ここから本文です ここまで本文です ここからサブメニューです ここまでサブメニューです ここからフッターです ここまでフッターです ここから現在の位置です 現在の位置 現在地 現在のページ ここからメニューです ここまでメニューです
ページの終わりです サブメニュー グローバルナビ グローバルナビゲーション グローバルメニュー パンくずリスト サイドバー フッター ヘッダー skip to content skip to main content skip navigation read more learn more view more see more
more back next previous prev first last search login log in logout log out sign in sign out sign up register contact contact us about about us products services news blog careers support
privacy privacy policy terms terms of use terms of service sitemap site map cookie policy legal faqs download downloads share tweet like follow follow us print close open cancel submit reset ok yes
はい いいえ 同意する 同意しない 同意して続ける 承認する 拒否する 拒否 すべて許可 すべて許可する すべて同意 すべて拒否 すべて拒否する 許可 許可する 許可しない 必要なもののみ 必須のみ 必須cookieのみ 必須cookieのみ許可 cookie設定 cookieの設定 設定を変更 設定を変更する
設定を保存 accept accept all accept cookies reject reject all decline manage preferences manage cookies cookie settings i agree got it
役に立った ふつう 役に立たなかった 普通 とても役に立った 見つけやすかった 見つけにくかった どちらでもない 分かりやすかった 分かりにくかった わかりやすかった わかりにくかった facebook twitter x instagram youtube line linkedin rss pinterest note tiktok はてなブックマーク pocket
facebookでシェア xでポスト lineで送る 友だち追加 公式アカウント 公式line 公式sns
以下余白 以下空白 余白 空白 白紙 このページは空白です 本ページは空白です このページは白紙です 本ページは白紙です 意図的な空白ページ このページは意図的に空白にしています this page intentionally left blank intentionally left blank this page is intentionally left blank
blank page blank 準備中 ただいま準備中です 準備中です 工事中 このページは工事中です 作成中 作成中です 近日公開 近日公開予定 coming soon under construction now printing image data データがありません データなし 該当なし 該当するデータがありません
該当するデータはありません 該当する情報はありません 見つかりませんでした ページが見つかりません ページが見つかりませんでした お探しのページは見つかりませんでした お探しのページは見つかりません お探しのページは移動または削除された可能性があります 404 not found page not found 403 forbidden
500 internal server error error エラー エラーが発生しました しばらくお待ちください 少々お待ちください 読み込み中 読み込み中です 読込中 ロード中 loading now loading please wait 処理中です 画像なし 画像がありません メモ note memo 未定 未入力 未記入 記入なし 記載なし なし 特になし 同上 以上 tbd n/a todo
クリックしてタイトルを入力 クリックしてテキストを入力 クリックしてサブタイトルを入力 クリックしてノートを追加 クリックしてノートを入力 ここにテキストを入力 ここに入力 ここに本文を入力 タイトルを入力 テキストを入力 本文を入力 サブタイトルを入力 マスター タイトルの書式設定 マスタータイトルの書式設定
マスター テキストの書式設定 マスターテキストの書式設定 マスター サブタイトルの書式設定 第 2 レベル 第2レベル 第 3 レベル 第3レベル 第 4 レベル 第4レベル 第 5 レベル 第5レベル 図を追加 表を追加 グラフを追加 アイコンをクリックして図を追加 見出し 小見出し 大見出し 中見出し キャプション タイトル サブタイトル テキスト ダミー
ダミーテキスト ダミーです サンプル サンプルテキスト サンプル文章 テスト てすと テストです テスト投稿 test sample dummy dummy text placeholder 文章が入ります テキストが入ります タイトルが入ります 本文が入ります 見出しが入ります 説明文が入ります 説明が入ります 商品名が入ります 名前が入ります ここに文章が入ります ここにテキストが入ります
ここに本文が入ります ここにタイトルが入ります ここに見出しが入ります ここに説明文が入ります ここにダミーテキストが入ります この文章はダミーです この文はダミーです これはダミーです これはダミーテキストです これはサンプルテキストです この文章はダミーテキストです あいうえお かきくけこ さしすせそ たちつてと なにぬねの いろはにほへと ちりぬるを わかよたれそ つねならむ ほげ ほげほげ ふが ぴよ hoge fuga piyo foo bar baz
click to edit master title style click to edit master text styles click to edit master subtitle style click to add title click to add text click to add subtitle click to add notes second level third level fourth level fifth level
お世話になっております いつもお世話になっております いつも大変お世話になっております 大変お世話になっております お世話になります いつもお世話になります お疲れ様です お疲れさまです お疲れ様でございます 平素よりお世話になっております 平素より大変お世話になっております 平素は格別のご高配を賜り厚く御礼申し上げます 平素は格別のご高配を賜り 平素は格別のお引き立てを賜り
平素より格別のご高配を賜り 平素より格別のお引き立てを賜り 厚く御礼申し上げます 誠にありがとうございます ありがとうございます ありがとうございました よろしくお願いいたします 宜しくお願いいたします よろしくお願いします 宜しくお願いします よろしくお願い致します 宜しくお願い致します よろしくお願い申し上げます 宜しくお願い申し上げます 何卒よろしくお願いいたします 何卒宜しくお願いいたします
何卒よろしくお願い申し上げます 何卒宜しくお願い申し上げます 何卒よろしくお願い致します 何卒宜しくお願い致します どうぞよろしくお願いいたします どうぞよろしくお願い申し上げます 以上よろしくお願いいたします 以上よろしくお願いします 引き続きよろしくお願いいたします 今後ともよろしくお願いいたします 今後ともよろしくお願い申し上げます ご確認のほどよろしくお願いいたします ご確認よろしくお願いいたします 取り急ぎご連絡まで
取り急ぎご報告まで 取り急ぎ御礼まで 取り急ぎお礼まで 拝啓 敬具 謹啓 謹白 前略 草々 各位 関係者各位 お客様各位 ご担当者様 担当者様 ご担当者 御中 了解しました 了解です 承知しました 承知いたしました 承知いたしました ありがとうございます かしこまりました 失礼いたします 失礼します iphoneから送信 androidから送信 スマートフォンから送信 ipadから送信 sent from my iphone sent from my ipad sent from outlook
outlook for iosを入手 outlook for ios を入手する get outlook for ios 転送メッセージ 元のメッセージ original message forwarded message begin forwarded message 引用 署名 best regards kind regards regards sincerely yours sincerely thank you thanks thanks and regards dear all
今だけ 期間限定 数量限定 先着順 送料無料 全品送料無料 全国送料無料 お買い得 お買得 大特価 激安 最安値 格安 安い 特価 セール 大セール タイムセール バーゲン 在庫処分 売り尽くし 見逃し厳禁 お見逃しなく お見逃し無く 今すぐチェック 今すぐ購入 今すぐ登録 今すぐ申し込む 今すぐお申し込みください 今すぐクリック お申し込みはこちら 申し込みはこちら ご購入はこちら ご注文はこちら
お得 お得なキャンペーン お得なクーポン クーポン配布中 クーポンはこちら キャンペーン中 キャンペーン実施中 ポイント還元 全品ポイント ポイント10倍 全品ポイント10倍 話題沸騰 売れ筋 売上no.1 満足度no.1 人気no.1 業界最安値 業界no.1 リピート続出 モニター募集中 無料体験 無料体験実施中 無料お試し 初回限定 初回無料 返金保証 全額返金保証 口コミ 口コミで話題 評判 通販
楽天 楽天市場 アマゾン amazon 代引き 代引可 後払い 偽物 本物 コピー商品 スーパーコピー ブランドコピー ブランド n級品 最高級 最高品質 即日対応 即日発送 即納 24時間対応 無料見積もり 無料相談 見積無料 お気軽に お気軽にお問い合わせください お気軽にご相談ください まずはお電話を app store google play app storeからダウンロード google playで手に入れよう
アプリなら アプリをダウンロード 個人の感想です 効果には個人差があります pr ad 広告 スポンサーリンク sponsored スポンサー advertisement 出会い 人妻 副業 在宅ワーク 高収入 簡単に稼げる 誰でも稼げる 稼げる 即金 当選 当選しました おめでとうございます 当選おめでとうございます 配信停止はこちら 配信停止 退会はこちら メルマガ登録 メルマガ解除
free buy now order now click here limited offer best price cheap outlet discount sale subscribe unsubscribe
powered by wordpress movable type theme サーバー ssl recaptcha プライバシーマーク isms 推奨環境 推奨ブラウザ 最終更新日 更新日 最終更新 公開日 掲載日 作成日 アクセスカウンター カウンター 訪問者数 総アクセス数 来訪者数 あなたは 人目の訪問者です
開庁時間 閉庁時間 組織でさがす 分類でさがす カレンダーでさがす 暮らし くらし くらし・手続き 子育て 子育て・教育 健康・福祉 文化・スポーツ 産業・ビジネス 事業者向け 市政情報 区政情報 県政情報 町政情報 防災情報 緊急情報 広報 市長の部屋 区長の部屋 総合トップ スマートフォン版 パソコン版 pc版 モバイル版 pcサイト スマホ版
動画 動画一覧 写真一覧 ギャラリー フォトギャラリー 会社沿革 代表挨拶 ごあいさつ ご挨拶 理念 経営理念 企業理念 社長挨拶 拠点一覧 事業所一覧 グループ会社 取引先 パートナー パートナー募集 パートナー企業 ソリューション サポート サポート情報 サポートトップ マニュアル ドライバ 資料 資料一覧 ホワイトペーパー セミナー セミナー情報 展示会 展示会情報 見積依頼 お見積り お見積もり お見積り依頼 無料お見積り 予約 ご予約 空室検索 宿泊プラン 宴会・会議 ウェディング 館内施設 周辺観光
診療案内 外来案内 入院案内 外来のご案内 入院のご案内 診療科一覧 医師紹介 お見舞い 病院概要 病院案内 院長挨拶 採用サイト 学校概要 学校紹介 学校案内 校長挨拶 学年だより 給食だより 学校だより pta 同窓会 個人のお客さま 法人のお客さま 個人のお客様 法人のお客様 口座開設 店舗・atm 店舗・atm検索 インターネットバンキング
すべて すべて表示 すべて見る 全て 全部 全件 件 件表示 件中 ページ ページ目 タイトルなし 無題 名称未設定 新しいフォルダー 新規 新規作成 新規ドキュメント 新しいドキュメント コピー 元に戻す やり直す 切り取り 貼り付け すべて選択 ファイル 編集(e) 表示(v) ツール ウィンドウ 挿入 書式 校閲
行ラベル 列ラベル 空白 グラフ 軸ラベル 系列1 系列2 系列3 系列 データ系列 unnamed 列1 列2 列3 列4 フィルター 昇順 降順
スライド ノート タイトルスライド アジェンダ agenda thank thanks ご清聴ありがとうございました ご静聴ありがとうございました end 終 完 了 終わり おわり fin 以降余白 次頁に続く 次ページに続く 次ページへ続く 前頁からの続き 裏面に続く 裏面へ続く つづく 続く (続く)
テストデータ aaa bbb ccc xxx yyy zzz abc test1 test2 your text here insert text title company名 〇〇 ○○ ×× △△ xx xxx xxxx yyyy mm dd
社外秘 極秘 秘 秘密 部外秘 関係者限り 取扱注意 取扱厳重注意 持出禁止 複写禁止 コピー禁止 転載禁止 無断転載禁止 無断複写禁止 無断複製禁止 confidential strictly confidential internal internal use only draft 再発行 改訂版 初版 rev ver version fax faxed 送信 受信 発信 発信元 送信元 枚 頁 ページ数 送信枚数 本紙含む 本状含む 印刷日 印刷日時 印刷者 出力 出力日 出力日時 出力者 出力帳票 作成者 ユーザー ユーザ user printed by on at
はてブ 受け入れる すべて受け入れる オプション options 事業者の方へ 観光客の方へ 住民の方へ 市民の方へ 患者さまへ 医療関係者の方へ 卒業生の方へ 保護者の方へ webmaster 広告掲載 広告募集 バナー 標準の表 プログラムid 機密区分 版数
sheet1 sheet2 sheet3 sheet4 sheet5 book1 true false #n/a #ref! #value! #div/0! #name? #null! #num! #spill! null nan none undefined ブックマークが定義されていません 参照元が見つかりません 目次 もくじ contents table of contents 索引 index
"""

# In a sentence, folded: all of it is of the form. Each begins with letters, so that most sentences are passed quickly.
_FORMS = r"""
(?:cookie|クッキー).*(?:使用|利用|同意|許可|有効|use|accept|consent)
(?:we use|uses?|use of|using|accept|of) cookies
(?:続行|閲覧を続け|ご利用を続け|継続して).*同意
(?:gdpr|個人情報保護法).*同意
recaptcha|googleの?プライバシーポリシー
ssl.*(?:暗号|保護|対応)
powered by
(?:画像|写真|文章|記事|コンテンツ|イラスト)(?:等|など)?の無断
(?:この|本|当|次|以下|以降|下記)の?(?:ページ|頁|部分|ファイル|url|記事|スライド|欄).*(?:空白|余白|白紙|ブランク|工事中|準備中|作成中|記入しないで|存在しません|見つかり|移動し|削除され|公開(?:を)?終了)
(?:ページ|ファイル|url|記事)(?:が|は)(?:見つかり|存在し|移動|削除|表示でき)
(?:(?:page|file|url|40[34]).{0,20}(?:not found|not exist|no longer available|been moved)|access denied|403 forbidden)
(?:あなたは).{0,8}[0-9]+ ?(?:人目|番目)
(?:公式|sns).{0,10}(?:フォロー|登録)(?:して|を)
java ?script.*(?:有効|無効|オン|オフ|enable|disabled|対応|必要)
(?:お使い|ご利用|ご使用|お客様)の(?:ブラウザ|環境).*(?:対応|サポート|表示|推奨)
(?:推奨|動作)(?:環境|ブラウザ) ?[::]
(?:acrobat|adobe|pdf).*(?:reader|リーダー|閲覧ソフト|ビューア|プラグイン).*(?:必要|ダウンロード|入手|インストール)
お持ちで(?:ない|無い)(?:方|場合)は.*(?:ダウンロード|入手|バナー|インストール)
flash ?player
こ?の(?:ページ|情報|サイト|コンテンツ|記事)(?:の情報)?(?:は|を).*(?:役に立|見つけ|見やす|わかりやす|分かりやす|参考になり)
(?:アンケート|評価)に(?:ご協力|お答え)ください
all rights? reserved
copyright
©
(?:サイト|ウェブサイト|ホームページ)(?:の|に掲載).*(?:無断|著作権|禁じ)
無断(?:転載|複写|複製|使用|引用).{0,20}禁
(?:この|本|当)メールは.*(?:自動|送信専用|配信専用)
心当たり(?:の|が)(?:ない|無い|ございません)
(?:this e-?mail|this message).*(?:confidential|intended)
配信(?:停止|解除)
^[ ・]*\S{0,12}(?:は|へ)こちら(?:から|へ|\(|$)
(?:正しく|快適に)(?:表示|ご覧|ご利用).*ブラウザ
internet explorer|サポート対象外
(?:value your privacy|our partners|manage (?:options|preferences)|accept all (?:cookies|/)|store and access information)
設定はいつでも変更
アカウント(?:が|は|を).*(?:制限|停止|ロック|更新して)
下記(?:の)?url(?:より|から|を)
(?:dear friend|business proposal|[0-9.]+ million (?:us )?(?:dollars|usd)|reply me)
(?:リンクされた|この)(?:図|イメージ|画像)(?:は|を|が).*表示でき
コンピューターに十分なメモリ
お探しの(?:ページ|情報|商品)
no (?:data|results|records|items|entries) (?:available|found|to display)
読み込(?:んで|み中)
(?:トップ|前の|元の)ページ(?:へ|に)(?:お)?戻
^(?:best|kind|warm|kindest)? ?regards
ウイルス(?:スキャン|チェック|対策)済
(?:記事|ページ)を(?:シェア|印刷|共有|ツイート|ブックマーク)
印刷用(?:ページ|画面)
訪問者(?:です|数)
lorem ipsum
(?:dolor sit amet|consectetur|adipiscing|eiusmod|incididunt|ullamco|nostrud|laboris)
the quick brown fox
(?:perspiciatis|vestibulum|pellentesque|tincidunt|suspendisse|curabitur|phasellus)
(?:文字の大きさ|字間|行間|文字数|レイアウト).*(?:確認|調整)する?ため
^(?:いろはにほへ|あいうえおか|アイウエオカ|abcdefg|qwerty|asdfg|1234567890)
(?:山路を登りながら|モリーオ市|草の波)
(?:タイトル|テキスト|サブタイトル|本文|見出し|フッター|日付|ここに.{1,12})を?(?:入力|追加|挿入|記入|配置|掲載)(?:して|し|する|$)
(?:click|tap|double-click) (?:here )?to (?:add|edit|enter|insert)|(?:add|insert|type) (?:your )?(?:title|text|subtitle|footer)
(?:イーハトーヴォ|すきとおった風|夏でも底に冷たさ)
吾輩は猫である
親譲りの無鉄砲
(?:ダミー|サンプル)(?:の)?(?:テキスト|文章|文|データ|画像)(?:です|が入|を入|として)
(?:文章|テキスト|文字|本文|説明文|タイトル|見出し|コピー|画像)が(?:ここに)?入り(?:ます|ました)
クリックして.{1,20}(?:入力|追加|編集)
お世話に(?:なって(?:おり|い)ます|なります)
お疲れ(?:様|さま)です
(?:よろしく|宜しく)(?:お願い|御願い|おねがい)(?:いたし|致し|し|申し上げ)ます
(?:平素|日頃|日ごろ|毎度)(?:は|より)?.*(?:賜|いただ|頂|有難|ありがと)
(?:時下|ますます|益々).*(?:清栄|健勝|清祥|盛栄|お慶び|お喜び)
(?:略儀ながら|末筆ながら|まずは取り急ぎ|取り急ぎ(?:ご|お|御))
(?:引き続き|今後とも|これからも).*(?:お願い|ご愛顧|ご支援)
(?:ご清聴|ご静聴)
(?:お手数|ご面倒|お忙しいところ|ご多忙).{0,20}(?:恐れ入り|恐縮|お掛け|おかけ|申し訳)
ご(?:確認|査収|検討|対応|返信)(?:の(?:ほど|程))?.{0,6}お願い
(?:アプリ|会員|メルマガ|line).{0,12}(?:ダウンロード|登録|追加)(?:で|して|は|する)
(?:check (?:out )?my (?:site|blog|website|page)|nice post|great (?:post|article|blog))
(?:cheap|buy) [a-z -]+ (?:online|for sale|outlet)
"""
_STOCK_SENTENCE = re.compile("|".join(_FORMS.split("\n")[1:-1]))
_LONGEST_SENTENCE = 200
_DATA_OF_PRINTS = re.compile(
    r"[0-9]{4}[/年.-] ?[0-9]{1,2}[/月.-] ?[0-9]{1,2}日?|[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?|(?:p|page)?\.? ?[0-9]{1,4} ?(?:/|of) ?[0-9]{1,4}"
    r"|[0-9.,]+ ?[kmg]b\b|\b(?:ver|rev|version)\.? ?[0-9][0-9.]*|&[pndtfaz]\b|(?:印刷|出力|作成|送信|受信)(?:日時?|者|時刻|枚数)"
)
# What stands beside stock phrases and says no more: who sends them, in the place of personal data its token.
_MAY_BE_NAMELESS = re.compile("会社|http|〔|ltd")
_HAS_DATA = re.compile("[0-9&]|時|者|枚")
_NAMELESS = re.compile(
    r"https?://\S+|〔[^〔〕\n]{1,24}〕|(?:株式|有限|合同)会社[^\s、。|]{1,12}|[^\s、。|]{1,12}(?:株式|有限|合同)会社|\b[a-z ]{2,30} co\.,? ?ltd\.?"
)
_CUT = re.compile(r"[\s|/・、。:>»«<\[\]()!?★☆▲▼△▽→←↑↓…×※*■□◆◇●○♪🔍【】「」『』〈〉《》〔〕~#-]+")
_SENTENCE = re.compile(r"(?:[^\n。!.]|\.(?! ))+")
_PLACES = re.compile(
    r"(?m)^ *(?:[0-9]{4}/[0-9]{1,2}/[0-9]{1,2} [0-9]{1,2}:[0-9]{2} .*https?://\S+ [0-9]+/[0-9]+ *$|(?:top|home|ホーム|トップ|トップページ) ?[>›»/].*$)"
)
"""Where a page of a site stands, and what a browser prints above and below it."""
_DUMMY = re.compile(
    "(?:(?:(?:大|中|小)?見出し|本文|ボタン|画像|写真|タイトル|サブタイトル|キャッチ|キャッチコピー|リード|説明|商品|会社|サンプル|ダミー|テスト|てすと|テキスト|文章|文字|キャプション|価格|説明文|ほげ|ふが|あああ+|いいい+)(?:テキスト|文|名|コピー|太郎|花子|[0-9a-z]{1,2})?)+"
    "|(?:column|列|series|系列|unnamed|sheet|book)[0-9]*"
)
_SPACED = re.compile(r"(?:(?<!\S)\S(?:\s+|$)){3,}")
_CONTACT = re.compile(
    r"(?:〒|住所|所在地|tel|fax|電話|携帯|直通|内線|代表|mobile|phone|e-?mail|mail|メール|url|hp|web|https?:|〔|[\w.+-]+@).*"
    r"|[^0-9。、]{1,40}(?:会社|法人|co\.?,? ?ltd\.?|inc\.?|部|課|係|室|科|局|署|班|グループ|チーム|センター|支店|支社|営業所|事業所|工場|病院|医院|学校|小学校|役所|役場|銀行|組合|ホテル|協会|機構)(?:[^0-9。、:]{0,14})?"
    r"|[^0-9。、:|]{1,14}"
)
_RULE = re.compile(r"[-=_*━─~+#/※◆■□◇●○☆★┌┐└┘│|]{2,}.{0,3}|--")
_PERSONAL = re.compile(r"(?i)〔(?:メールアドレス|氏名)〕|@|携帯|mobile")
_SENDER = re.compile(r"(?i)tel|fax|電話|mail|メール|https?:|@|〔")


def is_signature(text: str) -> bool:
    """Who sent a message, between rules or below a greeting, and nothing of what the message said."""
    lines = [line.strip() for line in text.casefold().split("\n") if line.strip()]
    if not 2 <= len(lines) <= 14:
        return False
    rules = [bool(_RULE.fullmatch(line)) for line in lines]
    stock = [line in _KNOWN or all(map(_is_stock, _SENTENCE.findall(line))) for line in lines]
    rest = [line for line, *known in zip(lines, rules, stock, strict=True) if not any(known)]
    is_framed = any(rules) or any(stock) or (len(lines) >= 3 and _PERSONAL.search(text) is not None)
    return (
        is_framed
        and (not rest or any(map(_SENDER.search, rest)) or len(rest) <= 2)
        and all(map(_CONTACT.fullmatch, rest))
    )


_PRINT_KINDS = tuple(
    map(
        re.compile,
        (
            r"[0-9]{2,4}[/年.-] ?[0-9]{1,2}[/月.-] ?[0-9]{1,2}",
            r"[0-9]{1,2}:[0-9]{2}|[0-9]{1,2}時[0-9]{1,2}分",
            r"\b(?:p|page|ページ)\.? ?[0-9]{1,4}|[0-9]{1,4} ?/ ?[0-9]{1,4}(?![0-9/])|[0-9]{1,4} ?(?:ページ|頁)",
            r"fax|(?:from|to) ?:|送信|受信|発信",
            r"印刷|出力|printed",
            r"\S+\.(?:xlsx?m?|docx?|pdf|pptx?|csv|txt|html?|jtd)\b|[a-z]:\\|\\\\",
            r"社外秘|極秘|部外秘|取扱注意|confidential|転載|複写禁止|複製|持出",
            r"rev\.? ?[0-9]|ver\.? ?[0-9]|第 ?[0-9.]+ ?版|[0-9]+ ?版",
            r"https?://",
        ),
    )
)
_PRINTED = re.compile(
    r"https?://\S+|\S+\.(?:xlsx?m?|docx?|pdf|pptx?|csv|txt|html?|jtd)\b|(?:無断)?(?:転載|複写|複製|持出)(?:・(?:転載|複写|複製))?(?:を)?(?:厳禁|禁止|禁ず(?:る)?)|関係者外秘|社外秘|\b(?:user|id) ?:? ?\w+"
)
_LONGEST_PRINT = 160


def is_print_line(text: str) -> bool:
    """What a printer, a fax or a browser puts above and below a page, and at most a title beside."""
    folded = text.casefold()
    if len(text) > _LONGEST_PRINT or "。" in text:
        return False
    kinds = sum(bool(kind.search(folded)) for kind in _PRINT_KINDS)
    if kinds < 2:
        return False
    letters = len(_LETTERS.findall(folded))
    rest = _DATA_OF_PRINTS.sub(" ", _NAMELESS.sub(" ", _PRINTED.sub(" ", folded)))
    pieces = [piece for piece in _CUT.split(rest) if not _is_known(piece)]
    left = sum(len(_LETTERS.findall(piece)) for piece in pieces)
    return left <= (0.4 if kinds < 4 else 0.6) * letters


_PARTICLES = re.compile(
    r"^(?:から|まで|より|で|を|に|へ|の|は|が|と|も)(?=..)|(?<=..)(?:です|は|を|に|へ|の|が|と|も)$"
)
_LETTERS = re.compile(r"[^\W\d_]")
_KNOWN = frozenset(_PHRASES.split())
_BEGINNINGS = frozenset(phrase[:2] for phrase in _KNOWN) | {"リー", "文字", "series"[:2], "fi", "it", "いい"}
"""Most pieces of prose begin with none of them."""


def stock_share(text: str, most: float = 0.0) -> float:
    """Of the letters: those in stock phrases. 0 where the share is not above `most`: then not all of the text is read."""
    folded = text.casefold()
    if " " in folded:
        folded = _SPACED.sub(lambda spaced: "".join(spaced[0].split()) + "\n", folded)
    named = _PLACES.sub("", folded)
    places = len(_LETTERS.findall(folded)) - len(_LETTERS.findall(named)) if named != folded else 0
    if _MAY_BE_NAMELESS.search(named):
        named = _NAMELESS.sub(" ", named)
    letters = places + len(_LETTERS.findall(named))
    left, limit = 0, (1 - most) * letters
    for sentence in _SENTENCE.findall(named):
        left += _letters_said(sentence)
        if left >= limit:
            return 0.0
    return 1 - left / letters if letters else 0.0


def _letters_said(sentence: str) -> int:
    """Letters that are in no stock phrase."""
    pieces = _CUT.split(_DATA_OF_PRINTS.sub(" ", sentence) if _HAS_DATA.search(sentence) else sentence)
    said = sum(len(_LETTERS.findall(piece)) for piece in pieces if piece and not _is_known(piece))
    return 0 if said and _is_stock(sentence) else said


def _is_stock(sentence: str) -> bool:
    return len(sentence) <= _LONGEST_SENTENCE and _STOCK_SENTENCE.search(sentence) is not None


def _is_known(piece: str) -> bool:
    """Also with a particle before it or behind it, and several times one after the other."""
    if piece in _KNOWN:
        return True
    if not (piece[:2] in _BEGINNINGS or piece[1:3] in _BEGINNINGS or piece[2:4] in _BEGINNINGS):
        return False
    word = _PARTICLES.sub("", piece)
    return word in _KNOWN or word[: (word + word).find(word, 1)] in _KNOWN or bool(_DUMMY.fullmatch(word))


_SALES = re.compile(
    "今だけ|今すぐ|今なら|限定|送料無料|お得|お買い?得|激安|最安|格安|大特価|割引|半額|[0-9]% ?off|円 ?off|キャンペーン|クーポン|ポイント ?[0-9]+ ?倍|セール|感謝祭|満足度|no[.]?1|ナンバーワン|"
    "全額返金|返金保証|無料(?:体験|相談|お試し|見積|登録|会員|配布|で)|完全無料|プレゼント|実感|効果|簡単|かんたん|たった|わずか|だけで|だけ!|お見逃し|見逃せない|大好評|大人気|話題|驚き|驚異|衝撃|特典|お申し?込み|"
    "お急ぎ|チャンス|リピート|口コミ|ランキング|モニター|個人の感想|個人差|売れ筋|人気|おすすめ|選ばれ|憧れ|理想|夢|叶え|笑顔|感動|極上|至福|贅沢|特別な|あなた|"
    "おめでとう|当選|抽選|融資|審査なし|ブラックok|即日|即金|カジノ|ボーナス|儲|稼|副業|在宅|月収|日給|年収|不労所得|投資|必勝|億|line追加|友だち追加|クリック|人妻|出会い|無修正|セフレ|逆援|今夜|会いたい|"
    "コピー品|スーパーコピー|ブランド|ロレックス|ヴィトン|エルメス|シャネル|偽物|n級|代引|通販|専門店|正規品|viagra|バイアグラ|ed治療|ダイエット|痩せ|やせ|バスト|脱毛|育毛|美白|若返|カード現金化|秘密の|高額|報酬|誰でも|スマホ1台|返信待|突然の|ハート|"
    "最高の|最も(?:良|よ)い|高品質|低価格|卸売|供給者|製造業者|工場価格|お客様の満足|業界|実績|安心|信頼|豊富|満足|"
    "congratulations|you have won|million|dear friend|earn |work from home|crypto|bitcoin|guarantee|limited time|order now|best price|weight loss|backlink|seo |dating|girls|"
    "会える|女性が|完全無料|登録は|豪華|累計|突破|秘密|億円|手数料の振込|この機会|新生活|大感謝|off!|自分へ|ご褒美|"
    "casino|bonus|cheap|outlet|discount|free|click|buy now|winner|prize|lottery|loan|replica"
)
_EXCLAIMED = re.compile("[!♪★☆♡♥✨🎉]|>>|⇒")


# What translation programs made of shop pages.
_TRANSLATED = re.compile(
    "私達(?:は|の)|あなたの|最も(?:よ|良)い|最高の(?:品質|価格)|良い(?:品質|価格)|製造業者|供給者|供給すること|専門にして|歓迎は|速い配達|"
    "楽しんでください|られるでしょう"
)
_TRANSLATED_TIMES = 3


def is_advertising(text: str) -> bool:
    """Words that sell, one after the other. A notice of a campaign has few of them beside dates and conditions."""
    is_exclaimed = _EXCLAIMED.search(text) is not None
    if not is_exclaimed and "。" in text:
        return len(set(_TRANSLATED.findall(text))) >= _TRANSLATED_TIMES
    folded = text.casefold()
    found = _SALES.findall(folded)
    if len(found) < (3 if is_exclaimed else 4) or len(set(found)) < 3:
        return len(set(_TRANSLATED.findall(text))) >= _TRANSLATED_TIMES
    share = sum(map(len, found)) / max(1, len(_LETTERS.findall(folded)))
    return share >= (0.2 if is_exclaimed else 0.3)
