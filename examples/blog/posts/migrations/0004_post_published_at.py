from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("posts", "0003_post_comment_count")]

    # A nullable column is added without a rewrite of the table, and the running release need not know it.
    operations = [
        migrations.AddField(
            model_name="post",
            name="published_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="post",
            index=models.Index(fields=["-published_at"], name="post_published_at"),
        ),
    ]
