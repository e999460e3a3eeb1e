from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("posts", "0002_comment")]

    # The default lives in the database too: the release that is still running inserts without this column.
    operations = [
        migrations.AddField(
            model_name="post",
            name="comment_count",
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
    ]
