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

BY_SIGN: dict[str, str] = {
    "yes": """AddPaymentInfo
AddToCart
AddToWishlist
Contact
Donate
InitiateCheckout
Lead
Purchase
Schedule
StartTrial
SubmitApplication
Subscribe
ViewContent
WatchVideo
pagevisit
af_rate
af_content_view
af_travel_booking
af_ad_click
af_share
af_start_trial
af_initiated_checkout
af_purchase
Placed Order
Ordered Product
Viewed Product
Clicked Email
Started Checkout
Added to Cart
product_viewed
collection_viewed
product_added_to_cart
cart_viewed
checkout_started
payment_info_submitted
checkout_completed
purchase_item
clickedObjectIDs
convertedObjectIDs
addedToCartObjectIDsAfterSearch
purchasedObjectIDs
viewedObjectIDs
clickrow
endplay
is_profile_enter
song_liked
lesson_completed
article_shared
video_watched_75
added_to_favorites
hotel_click
meal_ordered
ticket_bought
property_saved
job_applied
job_viewed
size_selected
color_selected
add_on_selected
store_locator_click
Watched Movie
Rated Title
My List Add
playlist_add
track_play
stream_complete
follow_seller
like_comment
tweet_favorited
reply_created
photo_viewed
course_enrolled
quiz_started
book_borrowed
loan_created
donation_made
gift_card_purchased
fav_add
wishlist.add
bought_together
subscribe_button_clicked
coupon_redeemed
review_posted
helpful_vote
thumbsUp""",
    "shown": """CompleteRegistration
Search
FindLocation
af_login
af_complete_registration
af_list_view
af_update
af_opened_from_push_notification
af_ad_view
Active on Site
Received Email
Opened Email
Bounced Email
search_submitted
view_category
session_ping
consent
banner
viewedFilters
clickedFilters
appload
app_background
screen_load
item_rendered
item_exposed
rec_displayed
carousel_impression
feed_served
notification_sent
sms_delivered
push_delivered
ad_served
listing_impression
pageload
page_scrolled
menu_opened
modal_shown
signin
sign_in_failed
otp_sent
profile_completed
address_added
password_changed
card_added
language_changed
sort_by_price
filter_by_brand
pagination
ab_variant_assigned
experiment_exposure
api_error
network_error
timeout
ping
cart_error
checkout_failed
not_viewed
unviewed
view_home
view_list
Screen Viewed Home
location_update
config_fetched
app_updated""",
    "no": """Cancelled Order
Refunded Order
Marked Email as Spam
Unsubscribed
product_removed_from_cart
RemoveFromWishlist
is_hate
unlike_video
hide_ad
hide_item
not_for_me
dont_show
block_channel
mute_channel
unfollow_seller
skip_track
next_skip
thumbsDown
disliked_song
item_hidden
seller_blocked
content_reported
recommendation_dismissed
rec_rejected
suggestion_declined
swipedLeft
return_requested
return_completed
refund_processed
partial_refund
order_returned
order_void
booking_cancellation
cancel_booking
reservation_canceled
subscription_cancel
unenroll
course_unenrolled
withdrawn_application
delete_from_list
removed_from_favorites
removed_bookmark
unpin
unsave
deleted_item
trash_item
basket_remove
cart_item_deleted
negative_review
complaint_submitted
chargeback_received
dispute_created
uninstalled
app_deleted
bad_recommendation
less_of_this
hate_this
nope
downvoted
vote_down
spam
abuse_reported
ban
snoozed
ignored
skipped_ad
abandon_cart""",
}
"""More names: pixels, attribution, mail and shop products."""
