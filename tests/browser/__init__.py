"""The pages in a real browser, as people use them.

The test process serves the site and is its worker, so that a test decides when work is done. Each test has browser
windows of its own and a database that it really commits to.
"""
