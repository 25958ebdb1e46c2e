"""``evtmgmt-proxy compare``: whether both organisations answer the same, asked of all published events."""
