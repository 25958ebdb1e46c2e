"""``evtmgmt-proxy init``: the first settings file, from three answers."""
