from django.conf import settings
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("ht/", include("health_check.urls")),
    path("", include("posts.urls")),
]

if settings.ADMIN_PATH:
    urlpatterns.append(path(settings.ADMIN_PATH, admin.site.urls))
