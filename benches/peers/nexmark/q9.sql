-- Of equal prices at equal times the bid that came first wins: `place` is the line in the file.
SELECT a.*, b.auction, b.bidder, b.price, b."dateTime" AS "bidTime", b.extra AS "bidExtra"
FROM auctions a JOIN placed_bids b ON b.auction = a.id AND b."dateTime" BETWEEN a."dateTime" AND a.expires
QUALIFY row_number() OVER (PARTITION BY a.id ORDER BY b.price DESC, b."dateTime", b.place) = 1
