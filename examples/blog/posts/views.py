from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import cache_control
from rest_framework import generics

from .models import Post
from .serializers import CommentSerializer, PostSerializer
from .signals import INDEX_CACHE_KEY

INDEX_SECONDS = 60


@cache_control(no_cache=True)
def index(request):
    """The newest posts, from the cache when it has them, and which release is answering (never cached)."""
    posts = cache.get(INDEX_CACHE_KEY)
    if posts is None:
        posts = list(Post.objects.published().values("title", "slug", "published_at", "comment_count")[:20])
        cache.set(INDEX_CACHE_KEY, posts, INDEX_SECONDS)
    context = {"posts": posts, "version": settings.VERSION, "release": settings.APP_VERSION}
    return render(request, "posts/index.html", context)


class PostList(generics.ListCreateAPIView):
    """Published posts, a page at a time; a user who is logged in sees drafts as well, and may add posts."""

    serializer_class = PostSerializer

    def get_queryset(self):
        posts = Post.objects.prefetch_related("tags")
        return posts.order_by("-pk") if self.request.user.is_authenticated else posts.published()

    @transaction.atomic
    def perform_create(self, serializer):
        serializer.save()


class PostDetail(generics.RetrieveAPIView):
    serializer_class = PostSerializer
    lookup_field = "slug"
    get_queryset = PostList.get_queryset


class CommentList(generics.ListCreateAPIView):
    serializer_class = CommentSerializer

    def get_post(self):
        return get_object_or_404(PostList.get_queryset(self), slug=self.kwargs["slug"])

    def get_queryset(self):
        return self.get_post().comments.all()

    def perform_create(self, serializer):
        serializer.save(post=self.get_post())
