SELECT auction, bidder, price * 0.908::DOUBLE AS price, "dateTime", extra FROM bids
