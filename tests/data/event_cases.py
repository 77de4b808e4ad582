"""Names of event types, drawn widely, by what they mean: written down before the code that reads them."""

BY_MEANING: dict[str, str] = {
    "buy": """purchase_complete
Order Completed
OrderCompleted
ecommerce_purchase
in_app_purchase
ItemPurchased
checkout-success
transaction_item
reorder
bookingConfirmed
reservation_made
rented
orders
product.bought
user/bought_item
購入
注文完了
구매
주문 완료
购买
下单成功
支付成功
成交
gekauft
Bestellung aufgegeben
achat
commande_validée
compra
compra_realizada
acquistato
ordine completato
pedido concluído
zakup
zamówienie złożone
Покупка
заказ оформлен
satın alma
sipariş verildi
payment_succeeded
in-store purchase
enrolled
subscription_started
job_application_submitted""",
    "cart": """Product Added
ProductAddedToCart
add_to_cart_click
cart_addition
carts
added_to_bag
ADD_ITEM_TO_BASKET
加购
加入购物车
カートに追加
장바구니 담기
in den Warenkorb
ajout_au_panier
añadir al carrito
aggiunto al carrello
adicionar ao carrinho
dodano do koszyka
добавлено в корзину
sepete eklendi""",
    "checkout": """checkout_step_2
Checkout Started
beginCheckout
checkout_progress
initiate_checkout
add_payment_info
add_shipping_info""",
    "like": """Product Added to Wishlist
thumbs-up
double_thumbs_up
swipe_right
is_like
hearted
superlike
video_liked
add_to_my_list
add_to_playlist
save_for_later
want_to_read
watch_later
收藏
点赞
喜欢
关注
お気に入り登録
いいね
좋아요
찜하기
Favorit hinzugefügt
zur Merkliste
ajouté aux favoris
j'aime
me gusta
añadido a favoritos
mi piace
preferito
curtir
dodaj do ulubionych
polubienie
Лайк
в избранное
beğeni
favorilere ekle
bookmarked_article
pin_saved
product_shared
retweet
followed_artist
upvoted""",
    "rate": """movie_rated
submit_review
Product Reviewed
star_rating
userRating
评分
评价
レビュー投稿
평점
Bewertung
note_donnée
valoración
valutazione
avaliação
ocena
Оценка
puanlama
leave_review""",
    "play": """song_played
video_start
VideoPlay
Video Playback Started
stream_started
track_listened
listens
播放
观看
再生
재생
scrobble
article_read
podcast_listen
readed_book""",
    "complete": """video_complete
video_completed
course_completed
trackdone
完播
file_download
finished_book""",
    "click": """clicks
item_click
link_click
ad_click
Promotion Clicked
clickout item
select_content
product-tapped
Element Clicked
search_clicks
email_clicked
recommendation_click
点击
クリック
클릭
Klick
clic
cliqué
kliknięcie
Клик
tıklama
clique
push_notification_tapped
carousel-card-click""",
    "view": """detail-page-view
ProductViewed
view_content
page_views
item_viewed
screen_view
viewed_product_page
long_view
quick_view
浏览
查看
閲覧
조회
Produktansicht
angesehen
vue_produit
vista de producto
visualizzazione
visualização
wyświetlenie produktu
Просмотр
görüntüleme
Cart Viewed
listing_visited
book_viewed
order_viewed
report_viewed""",
    "shown": """product_impression
impressions
ad_impression
impression_served
item_shown
recs_served
recommendation_shown
recommended
displayed_item
email_sent
email_delivered
push_sent
notification_received
Products Searched
search_results_viewed
view_search_results
view_item_list
Product List Viewed
Product List Filtered
home-page-view
category-page-view
promotion_viewed
view_promotion
search
search_query
site_search
search for destination
change of sort order
filter selection
sort_changed
page_load
page_ping
app_open
Application Opened
session_start
session_end
first_visit
user_engagement
login
user_login
LoggedIn
logout
sign_up
registration_completed
account_created
scroll
scroll_depth
hover
mouseover
heartbeat
js_error
app_crash
exception
experiment_viewed
ab_test_exposure
purchase_failed
payment_declined
order_error
checkout_error
login_failed
page_unload
page_leave
not_clicked
no_click
non-click
not_purchased
coupon_applied
coupon_removed
filter_applied
filters_cleared
unhide
unblock_user
undislike
remove_dislike
refund_rejected
profile_updated
password_reset
cookie_accepted
newsletter_subscribe
曝光
展示
搜索
登录
注册
启动
推送
未点击
インプレッション
検索
ログイン
表示
노출
검색
로그인
Suche
Einblendung
Anmeldung
recherche
impression_produit
connexion
búsqueda
impresión
ricerca
busca
impressão
wyszukiwanie
odsłona
Поиск
показ
вход
arama
gösterim
giriş
video_pause
video_buffering
email_bounced
price_changed
inventory_updated
return_visit
reco_exposed
viewport_visible
list_rendered""",
    "no": """reject
rejected
dismiss
notification_dismiss
dismissed_recommendation
swipe_left
left_swipe
mute
muted_artist
unfavorite
unfavourited
unliked
un_like
un-follow
unsubscribed
unbookmark
unstar
unheart
removed
Product Removed
product_removed_from_wishlist
removed_from_wishlist
RemoveItemFromCart
remove_from_my_list
deleted_from_playlist
item_deleted
delete_recommendation
refund
order_refunded
refund_issued
order_cancelled
OrderCancelled
CancelOrder
cancellation
booking_cancelled
subscription_canceled
skip_song
song_skipped
track_skip
skips
fwdbtn
item_returned
ReturnRequested
returns
product_return
return_item
chargeback
charge_back
uninstall
app_uninstalled
app_remove
blocked_user
block_seller
hide_post
hidden_item
report_item
reported_as_spam
report_abuse
flagged
flag_content
marked_as_spam
ban_track
not_interested
notInterested
no_longer_interested
not interested in this
dont_recommend
do_not_show_again
show_less
see_fewer
less_like_this
thumbs_down
thumb-down
dislikes
is_hate
hate
downvoted
vote_down
not_relevant
irrelevant
offer_declined
cart_abandoned
abandoned_checkout
application_withdrawn
course_dropped
snooze
negative_feedback
不感兴趣
点踩
不喜欢
退款
退货
取消订单
取消收藏
取关
移出购物车
拉黑
屏蔽
举报
跳过
差评
返品
返金
注文キャンセル
カートから削除
お気に入り解除
低評価
興味なし
スキップ
반품
환불
주문취소
싫어요
차단
건너뛰기
관심없음
Retoure
zurückgegeben
storniert
aus dem Warenkorb entfernt
gefällt mir nicht
kein Interesse
abbestellt
Erstattung
annulé
commande annulée
retour_produit
remboursement
retiré du panier
je n'aime pas
devolución
reembolso
pedido cancelado
eliminado del carrito
no me gusta
reso
rimborso
ordine annullato
rimosso dal carrello
non mi piace
devolvido
removido do carrinho
não gostei
zwrot
anulowano
usunięto z koszyka
nie lubię
Возврат
заказ отменён
удалено из корзины
дизлайк
не нравится
жалоба
iade
sipariş iptal
sepetten çıkarıldı
beğenmedim
dispute_opened
complaint
mark_not_helpful
block
hide""",
}
"""Names, one a line, by the sense of their words; "shown" says nothing of a choice."""
