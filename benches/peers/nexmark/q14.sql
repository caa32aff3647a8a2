SELECT auction, bidder, price * 0.908::DOUBLE AS price,
  CASE
    WHEN hour("dateTime") BETWEEN 8 AND 18 THEN 'dayTime'
    WHEN hour("dateTime") <= 6 OR hour("dateTime") >= 20 THEN 'nightTime'
    ELSE 'otherTime'
  END AS kind,
  "dateTime", extra, len(list_filter(string_split(extra, ''), lambda letter: letter = 'c')) AS cs
FROM bids
WHERE price * 0.908::DOUBLE > 1000000 AND price * 0.908::DOUBLE < 50000000
