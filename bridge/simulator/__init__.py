"""Vendors in a box: WeCom and DingTalk as local HTTP servers.

Written from the vendors' documents alone. Nothing of our own mapping is imported here, so a simulator
can prove the bridge wrong.
"""
