"""``evtmgmt-proxy repoint``: a portal that exists only as it was built is led to the proxy."""
