"""What follows from a change: the index page's cache is dropped, and comments are counted again."""

from django.core.cache import cache
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import receiver

from .models import Comment, Post, Tag
from .tasks import recount_comments

INDEX_CACHE_KEY = "posts:index"


@receiver([post_save, post_delete], sender=Post)
@receiver([post_save, post_delete], sender=Tag)
@receiver(m2m_changed, sender=Post.tags.through)
def forget_index(**_):
    transaction.on_commit(lambda: cache.delete(INDEX_CACHE_KEY))


@receiver([post_save, post_delete], sender=Comment)
def count_again(instance, **_):
    # robust: a broker that is away costs a count that the schedule mends, never the comment itself.
    transaction.on_commit(lambda: recount_comments.delay(instance.post_id), robust=True)
