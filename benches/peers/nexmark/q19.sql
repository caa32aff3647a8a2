-- Of equal prices the bid that came first stands first.
SELECT auction, bidder, price, channel, url, "dateTime", extra,
  row_number() OVER (PARTITION BY auction ORDER BY price DESC, place) AS rank
FROM placed_bids
QUALIFY rank <= 10
