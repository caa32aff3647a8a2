CREATE TABLE results (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING,
  bidTime TIMESTAMP_LTZ(3), bidExtra STRING, itemName STRING, description STRING, initialBid BIGINT,
  reserve BIGINT, auctionTime TIMESTAMP_LTZ(3), expires TIMESTAMP_LTZ(3), seller BIGINT, category BIGINT,
  auctionExtra STRING) WITH (${sink});
INSERT INTO results
  SELECT b.auction, b.bidder, b.price, b.channel, b.url, b.`dateTime`, b.extra, a.itemName, a.description,
    a.initialBid, a.reserve, a.`dateTime`, a.expires, a.seller, a.category, a.extra
  FROM bid b JOIN auction a ON b.auction = a.id
  WHERE a.category = 10;
