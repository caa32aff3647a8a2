SELECT category, avg(final) AS price
FROM (
  SELECT a.id, a.category, max(b.price) AS final
  FROM auctions a JOIN bids b ON b.auction = a.id AND b."dateTime" BETWEEN a."dateTime" AND a.expires
  GROUP BY a.id, a.category
)
GROUP BY category
