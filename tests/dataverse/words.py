"""What servers were seen to say, word by word."""

NO_DATASET = "When accessing a dataset based on Persistent ID, a persistentId query parameter must be present."
NO_ENDPOINT = (
    "API endpoint does not exist on this server. Please check your code for typos, or consult our API guide at http://guides.dataverse.org."
)
NOT_AUTHORIZED = (
    "Not authorized to access this object via this API endpoint. Please check your code for typos, "
    "or consult our API guide at http://guides.dataverse.org."
)
LOST = "Datafile {}: Failed to locate and/or open physical file."
GUESTBOOK = "You may not download this file without the required Guestbook response for guestbookID {}."
RATE_LIMIT = "GetLatestPublishedDatasetVersionCommand failed: Rate limited due to too many requests."
BLOCKED = "Endpoint blocked. Please contact the dataverse administrator"

APACHE_403 = b"""<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">
<html><head>
<title>403 Forbidden</title>
</head><body>
<h1>Forbidden</h1>
<p>You don't have permission to access this resource.</p>
</body></html>
"""


def edge(title: str) -> bytes:
    """The page of the balancer before the servers, for a status and its reason."""
    heading = f"<center><h1>{title}</h1></center>"
    return f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n{heading}\r\n</body>\r\n</html>\r\n".encode()


CAPTCHA = (
    b"<!DOCTYPE html>\n<html>\n<head><title>Human Verification</title></head>\n<body><div id=captcha-container></div></body>\n</html>\n"
)
TOO_MANY = b"<html>\r\n<head><title>429 Too Many Requests</title></head>\r\n<body><h1>429 Too Many Requests</h1></body>\r\n</html>\r\n"
MAINTENANCE = (
    b"<!DOCTYPE html>\n<html>\n<head><title>Harvard Dataverse</title></head>\n<body>\n"
    b"<h1>Harvard Dataverse is down for scheduled maintenance</h1>\n</body>\n</html>\n"
)
