"""Liveness: is this process able to answer at all?"""

from django.http import HttpResponse

LIVENESS_PATH = "/livez/"


def liveness(get_response):
    """Answers the load balancer's own check.

    That check sends the address of the instance as the Host header, which ALLOWED_HOSTS cannot know. And it asks
    nobody else: a database that is away must not make the load balancer replace every web server. Readiness,
    with its components, is at /ht/.
    """

    def middleware(request):
        if request.path_info == LIVENESS_PATH and request.method in ("GET", "HEAD"):
            return HttpResponse("ok\n", content_type="text/plain", headers={"Cache-Control": "no-store"})
        return get_response(request)

    return middleware
