-- One price per auction, and per seller those of the ten auctions that close last.
WITH winning AS (
  SELECT a.id, a.seller, a.expires, max(b.price) AS final
  FROM auctions a JOIN bids b ON b.auction = a.id AND b."dateTime" BETWEEN a."dateTime" AND a.expires
  GROUP BY ALL
),
closed AS (
  SELECT seller, final FROM winning
  QUALIFY row_number() OVER (PARTITION BY seller ORDER BY expires DESC, id DESC) <= 10
)
SELECT seller, avg(final) AS price FROM closed GROUP BY seller
