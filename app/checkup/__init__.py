"""``evtmgmt-proxy check``: whether an old portal would work with the configured organisation."""
