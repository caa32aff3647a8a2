-- Of equal times the bid that came last is the last one.
SELECT auction, bidder, price, channel, url, "dateTime", extra
FROM placed_bids
QUALIFY row_number() OVER (PARTITION BY bidder, auction ORDER BY "dateTime" DESC, place DESC) = 1
