from unittest.mock import patch

from django.test import TestCase
from kombu.exceptions import OperationalError

from posts.models import Comment, Post
from posts.tasks import recount_comments

from .factories import CommentFactory, PostFactory


class RecountTests(TestCase):
    def test_mends_every_wrong_count_and_no_more(self):
        post = CommentFactory().post
        CommentFactory(post=post)
        PostFactory()
        stale = PostFactory(comment_count=7)
        self.assertEqual(recount_comments(), 2)
        post.refresh_from_db()
        stale.refresh_from_db()
        self.assertEqual((post.comment_count, stale.comment_count), (2, 0))
        self.assertEqual(recount_comments(), 0)

    def test_one_post(self):
        one, other = CommentFactory().post, CommentFactory().post
        self.assertEqual(recount_comments(one.pk), 1)
        other.refresh_from_db()
        self.assertEqual(other.comment_count, 0)

    def test_deleting_a_comment_counts_again(self):
        with self.captureOnCommitCallbacks(execute=True):
            comment = CommentFactory()
        self.assertEqual(Post.objects.get().comment_count, 1)
        with self.captureOnCommitCallbacks(execute=True):
            comment.delete()
        self.assertEqual(Post.objects.get().comment_count, 0)

    def test_a_broker_that_is_away_does_not_lose_the_comment(self):
        broker_away = patch("posts.signals.recount_comments.delay", side_effect=OperationalError("away"))
        logged = self.assertLogs("django.test", "ERROR")
        with broker_away as delay, logged, self.captureOnCommitCallbacks(execute=True):
            CommentFactory()
        delay.assert_called_once()
        self.assertEqual(Comment.objects.count(), 1)
