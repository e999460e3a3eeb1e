from django.urls import path

from . import views

urlpatterns = [
    path("", views.index, name="index"),
    path("api/posts/", views.PostList.as_view(), name="post-list"),
    path("api/posts/<slug:slug>/", views.PostDetail.as_view(), name="post-detail"),
    path("api/posts/<slug:slug>/comments/", views.CommentList.as_view(), name="comment-list"),
]
