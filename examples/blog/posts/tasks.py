from celery import shared_task
from django.core.cache import cache
from django.db.models import Count, F


@shared_task
def recount_comments(post_id=None):
    """Writes the number of comments into the posts where it differs: one post, or all of them.

    Returns how many posts were changed. Safe to run twice.
    """
    from .models import Post

    posts = Post.objects.annotate(counted=Count("comments")).exclude(comment_count=F("counted"))
    if post_id is not None:
        posts = posts.filter(pk=post_id)
    changed = 0
    for post in posts.only("pk"):
        changed += Post.objects.filter(pk=post.pk).update(comment_count=post.counted)
    if changed:
        # update() sends no signal.
        from .signals import INDEX_CACHE_KEY

        cache.delete(INDEX_CACHE_KEY)
    return changed
