-- Windows of the wall clock differ from run to run: what is the same is the sum of each bidder's windows.
SELECT bidder, count(*) AS bids FROM bids GROUP BY bidder
