"""The four AI steps of hiring: what is asked, in which form it is answered, and what of it can be trusted."""
