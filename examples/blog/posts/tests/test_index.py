from django.core.cache import cache
from django.test import TestCase, override_settings

from .factories import PostFactory


class IndexTests(TestCase):
    def setUp(self):
        cache.clear()

    def test_shows_posts_and_the_version(self):
        PostFactory(title="First light")
        with override_settings(VERSION="9.9.9"):
            response = self.client.get("/")
        self.assertContains(response, "First light")
        self.assertContains(response, '<span id="version">9.9.9</span>')
        self.assertNotContains(response, 'id="release"')

    def test_names_the_release_that_the_deployment_gave(self):
        with override_settings(APP_VERSION="abc123"):
            response = self.client.get("/")
        self.assertContains(response, '<span id="release">abc123</span>')
        self.assertContains(response, "No posts yet.")

    def test_drafts_stay_hidden(self):
        PostFactory(title="Unfinished", published_at=None)
        self.assertNotContains(self.client.get("/"), "Unfinished")

    def test_second_visit_asks_the_cache_and_not_the_database(self):
        PostFactory()
        self.client.get("/")
        with self.assertNumQueries(0):
            self.client.get("/")

    def test_a_new_post_shows_at_once(self):
        self.client.get("/")
        with self.captureOnCommitCallbacks(execute=True):
            PostFactory(title="Breaking")
        self.assertContains(self.client.get("/"), "Breaking")

    def test_the_version_is_never_cached(self):
        self.client.get("/")
        with override_settings(VERSION="2.0.0"):
            self.assertContains(self.client.get("/"), "2.0.0")
