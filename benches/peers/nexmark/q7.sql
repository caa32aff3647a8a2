SELECT auction, bidder, price, "dateTime", extra
FROM bids
QUALIFY price = max(price) OVER (PARTITION BY time_bucket(INTERVAL 10 SECOND, "dateTime"))
