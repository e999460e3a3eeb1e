from datetime import UTC, datetime

from django.contrib.auth import get_user_model
from django.test import TestCase
from freezegun import freeze_time
from rest_framework.test import APIClient

from posts.models import Post

from .factories import CommentFactory, PostFactory, TagFactory


class PostApiTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.user = get_user_model().objects.create_user("asha", password="unused")

    def setUp(self):
        self.client = APIClient()

    def log_in(self):
        self.client.force_authenticate(self.user)

    def test_list_has_pages(self):
        PostFactory.create_batch(23)
        first = self.client.get("/api/posts/").json()
        self.assertEqual((first["count"], len(first["results"])), (23, 20))
        self.assertEqual(len(self.client.get(first["next"]).json()["results"]), 3)

    def test_list_needs_three_queries_whatever_its_length(self):
        tag = TagFactory()
        for post in PostFactory.create_batch(10):
            post.tags.add(tag)
        with self.assertNumQueries(3):
            self.client.get("/api/posts/")

    def test_strangers_see_published_posts_only(self):
        draft = PostFactory(published_at=None)
        self.assertEqual(self.client.get("/api/posts/").json()["count"], 0)
        self.assertEqual(self.client.get(f"/api/posts/{draft.slug}/").status_code, 404)
        self.log_in()
        self.assertEqual(self.client.get("/api/posts/").json()["count"], 1)
        self.assertEqual(self.client.get(f"/api/posts/{draft.slug}/").status_code, 200)

    def test_a_post_appears_when_its_time_has_come(self):
        post = PostFactory(published_at=datetime(2030, 1, 1, tzinfo=UTC))
        with freeze_time("2029-12-31T23:59:59Z"):
            self.assertEqual(self.client.get(f"/api/posts/{post.slug}/").status_code, 404)
        with freeze_time("2030-01-01T00:00:00Z"):
            self.assertEqual(self.client.get(f"/api/posts/{post.slug}/").status_code, 200)

    def test_strangers_may_not_write(self):
        response = self.client.post("/api/posts/", {"title": "Hi", "body": "There"}, format="json")
        self.assertEqual(response.status_code, 401)

    def test_create(self):
        self.log_in()
        TagFactory(name="aws", slug="aws")
        body = {"title": "Shipping it", "body": "Text", "tags": ["aws", "Django", "django"]}
        response = self.client.post("/api/posts/", body, format="json")
        self.assertEqual(response.status_code, 201, response.content)
        self.assertEqual(response.json()["slug"], "shipping-it")
        self.assertEqual(response.json()["tags"], ["Django", "aws"])
        self.assertEqual(Post.objects.get().tags.count(), 2)

    def test_create_refuses_what_it_cannot_name(self):
        self.log_in()
        PostFactory(title="Taken", slug="taken")
        for body, field in [
            ({"title": "Taken", "body": "Text"}, "slug"),
            ({"title": "!!!", "body": "Text"}, "slug"),
            ({"title": "Fine", "body": "Text", "tags": ["!!!"]}, "tags"),
            ({"body": "Text"}, "title"),
        ]:
            with self.subTest(body=body):
                response = self.client.post("/api/posts/", body, format="json")
                self.assertEqual(response.status_code, 400)
                self.assertIn(field, response.json())

    def test_comments(self):
        post = CommentFactory().post
        url = f"/api/posts/{post.slug}/comments/"
        self.assertEqual(self.client.get(url).json()["count"], 1)
        self.log_in()
        with self.captureOnCommitCallbacks(execute=True):
            response = self.client.post(url, {"author": "Ravi", "body": "Yes."}, format="json")
        self.assertEqual(response.status_code, 201, response.content)
        # The task that counts them ran.
        self.assertEqual(self.client.get(f"/api/posts/{post.slug}/").json()["comment_count"], 2)
        self.assertEqual(self.client.get("/api/posts/none/comments/").status_code, 404)
