from django.utils.text import slugify
from rest_framework import serializers

from .models import Comment, Post, Tag


class PostSerializer(serializers.ModelSerializer):
    """A post. `tags` are names; a name that is new becomes a tag."""

    tags = serializers.ListField(child=serializers.CharField(max_length=50), required=False, write_only=True)
    slug = serializers.SlugField(max_length=200, required=False)

    class Meta:
        model = Post
        fields = ["slug", "title", "body", "tags", "created_at", "updated_at", "published_at", "comment_count"]
        read_only_fields = ["created_at", "updated_at", "comment_count"]

    def validate(self, attributes):
        if self.instance is None and "slug" not in attributes:
            attributes["slug"] = slugify(attributes["title"])[:200]
        slug = attributes.get("slug")
        if slug == "":
            raise serializers.ValidationError({"slug": ["The title has no letter that a slug could use; give a slug."]})
        if slug and Post.objects.exclude(pk=getattr(self.instance, "pk", None)).filter(slug=slug).exists():
            raise serializers.ValidationError({"slug": ["A post with this slug exists."]})
        return attributes

    def validate_tags(self, names):
        for name in names:
            if not slugify(name):
                raise serializers.ValidationError(f"{name!r} has no letter or digit that a slug could use.")
        return names

    def create(self, validated):
        names = validated.pop("tags", [])
        post = super().create(validated)
        self._set_tags(post, names)
        return post

    def to_representation(self, post):
        return {**super().to_representation(post), "tags": [tag.name for tag in post.tags.all()]}

    @staticmethod
    def _set_tags(post, names):
        tags = []
        for name in names:
            tag, _ = Tag.objects.get_or_create(slug=slugify(name)[:50], defaults={"name": name})
            tags.append(tag)
        post.tags.set(tags)


class CommentSerializer(serializers.ModelSerializer):
    class Meta:
        model = Comment
        fields = ["id", "author", "body", "created_at"]
        read_only_fields = ["id", "created_at"]
