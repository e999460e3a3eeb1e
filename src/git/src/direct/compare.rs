//! What is different between two trees, or a tree and the index.
//!
//! Directories that are the same on both sides are not opened: a tree tells by its id, and the index by the ids of trees that
//! git keeps in it (gitformat-index(5), "Cache tree"), so that the work grows with the change and not with the project.

use std::cmp::Ordering;

use gix::bstr::{BString, ByteSlice as _};
use gix::index::entry::{Flags, Mode as IndexMode, Stage};
use gix::index::extension::Tree as KnownTree;
use gix::objs::tree::EntryKind;
use gix::{ObjectId, Repository};

use crate::entry::Mode;
use crate::selection::{Listing, SelectedEntry};

/// How deep trees may be nested. Git refuses deeper ones (git-config(1), `core.maxTreeDepth`: 2048).
const DEEPEST: usize = 2048;

/// How a file is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) mode: Mode,
    pub(super) object: ObjectId,
}

/// A path that is not the same on both sides.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) path: BString,
    pub(super) before: Option<Kept>,
    pub(super) after: Option<Kept>,
}

/// A directory on one side.
#[derive(Clone, Copy)]
pub(super) enum Directory<'i> {
    /// No directory.
    Nothing,
    /// A tree object.
    Tree(ObjectId),
    /// Entries of the index with the same beginning.
    Index(Span<'i>),
}

/// Entries of the index that are in one directory.
#[derive(Clone, Copy)]
pub(super) struct Span<'i> {
    index: &'i gix::index::State,
    entries: &'i [gix::index::Entry],
    /// How long the directory's path is, with the `/` at its end.
    skip: usize,
    known: Option<&'i KnownTree>,
}

/// What a name stands for.
#[derive(Clone, Copy)]
enum Node<'i> {
    File(Kept),
    /// A file whose content is not decided.
    Conflict,
    Directory(Directory<'i>),
}

struct Item<'i> {
    name: BString,
    node: Node<'i>,
}

/// The whole index.
pub(super) fn index(index: &gix::index::State) -> Directory<'_> {
    Directory::Index(Span {
        index,
        entries: index.entries(),
        skip: 0,
        known: index.tree(),
    })
}

/// What is different, sorted by path; none if an object cannot be read.
pub(super) fn compare(
    repository: &Repository,
    before: Directory<'_>,
    after: Directory<'_>,
) -> Option<Vec<Difference>> {
    let mut walk = Walk {
        repository,
        path: BString::default(),
        depth: 0,
        found: Vec::new(),
    };
    walk.directories(before, after)?;
    Some(walk.found)
}

struct Walk<'r> {
    repository: &'r Repository,
    /// The directory that is looked at, with a `/` at its end unless it is the root.
    path: BString,
    depth: usize,
    found: Vec<Difference>,
}

impl Walk<'_> {
    fn directories(&mut self, before: Directory<'_>, after: Directory<'_>) -> Option<()> {
        if let (Some(one), Some(other)) = (before.id(), after.id())
            && one == other
        {
            return Some(());
        }
        if self.depth > DEEPEST {
            return None;
        }
        let (before, after) = (
            before.items(self.repository)?,
            after.items(self.repository)?,
        );
        let (mut before, mut after) = (before.into_iter().peekable(), after.into_iter().peekable());
        loop {
            let order = match (before.peek(), after.peek()) {
                (None, None) => return Some(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(one), Some(other)) => one.order(other),
            };
            let one = before.next_if(|_| order.is_le());
            let other = after.next_if(|_| order.is_ge());
            self.items(one, other)?;
        }
    }

    /// What is under one name. Of two, both are directories or none is.
    fn items(&mut self, before: Option<Item<'_>>, after: Option<Item<'_>>) -> Option<()> {
        let (name, before, after) = match (before, after) {
            (Some(before), Some(after)) => (before.name, Some(before.node), Some(after.node)),
            (Some(before), None) => (before.name, Some(before.node), None),
            (None, Some(after)) => (after.name, None, Some(after.node)),
            (None, None) => return Some(()),
        };
        let length = self.path.len();
        self.path.extend_from_slice(&name);
        match (directory(before), directory(after)) {
            (Directory::Nothing, Directory::Nothing) => self.files(file(before), file(after)),
            (before, after) => {
                self.path.push(b'/');
                self.depth += 1;
                self.directories(before, after)?;
                self.depth -= 1;
            }
        }
        self.path.truncate(length);
        Some(())
    }

    /// A conflict is neither a file nor the lack of one: nothing is said of it here.
    fn files(&mut self, before: Option<Node<'_>>, after: Option<Node<'_>>) {
        let kept = |node| match node {
            None => Some(None),
            Some(Node::File(kept)) => Some(Some(kept)),
            Some(Node::Conflict | Node::Directory(_)) => None,
        };
        if let (Some(before), Some(after)) = (kept(before), kept(after))
            && before != after
        {
            let path = self.path.clone();
            self.found.push(Difference {
                path,
                before,
                after,
            });
        }
    }
}

fn directory(node: Option<Node<'_>>) -> Directory<'_> {
    match node {
        Some(Node::Directory(directory)) => directory,
        Some(Node::File(_) | Node::Conflict) | None => Directory::Nothing,
    }
}

fn file(node: Option<Node<'_>>) -> Option<Node<'_>> {
    node.filter(|node| !matches!(node, Node::Directory(_)))
}

impl Item<'_> {
    /// Git sorts a directory as if its name ended with `/`, in trees and so in the index.
    fn order(&self, other: &Self) -> Ordering {
        self.sorted_by().cmp(other.sorted_by())
    }

    fn sorted_by(&self) -> impl Iterator<Item = u8> + '_ {
        let is_directory = matches!(self.node, Node::Directory(_));
        let end = is_directory.then_some(b'/');
        self.name.iter().copied().chain(end)
    }
}

impl<'i> Directory<'i> {
    /// The id of its tree, if it is known.
    pub(super) fn id(&self) -> Option<ObjectId> {
        match self {
            Self::Nothing => None,
            Self::Tree(id) => Some(*id),
            Self::Index(span) => {
                let known = span.known?;
                let count = usize::try_from(known.num_entries?).ok()?;
                (count == span.entries.len()).then_some(known.id)
            }
        }
    }

    fn items(&self, repository: &Repository) -> Option<Vec<Item<'i>>> {
        match self {
            Self::Nothing => Some(Vec::new()),
            Self::Tree(id) => tree_items(repository, *id),
            Self::Index(span) => span.items(),
        }
    }
}

fn tree_items<'i>(repository: &Repository, id: ObjectId) -> Option<Vec<Item<'i>>> {
    let tree = repository.find_tree(id).ok()?;
    let mut items = Vec::new();
    for entry in tree.iter() {
        let entry = entry.ok()?;
        let object = entry.oid().to_owned();
        let node = match entry.mode().kind() {
            EntryKind::Tree => Node::Directory(Directory::Tree(object)),
            kind => Node::File(Kept {
                mode: mode(kind)?,
                object,
            }),
        };
        let name = entry.filename().to_owned();
        items.push(Item { name, node });
    }
    Some(items)
}

/// The kind of an entry; none for a tree.
const fn mode(kind: EntryKind) -> Option<Mode> {
    Some(match kind {
        EntryKind::Tree => return None,
        EntryKind::Blob => Mode::File,
        EntryKind::BlobExecutable => Mode::Executable,
        EntryKind::Link => Mode::Symlink,
        EntryKind::Commit => Mode::Submodule,
    })
}

/// The kind of an entry of the index; none for a directory of a sparse index.
fn index_mode(mode: IndexMode) -> Option<Mode> {
    match mode {
        IndexMode::FILE => Some(Mode::File),
        IndexMode::FILE_EXECUTABLE => Some(Mode::Executable),
        IndexMode::SYMLINK => Some(Mode::Symlink),
        IndexMode::COMMIT => Some(Mode::Submodule),
        _ => None,
    }
}

impl<'i> Span<'i> {
    fn items(self) -> Option<Vec<Item<'i>>> {
        let mut items: Vec<Item<'i>> = Vec::new();
        let mut left = self.entries;
        while let Some(first) = left.first() {
            let name = self.rest(first)?;
            let (item, count) = match name.find_byte(b'/') {
                Some(end) => self.subdirectory(name.get(..end)?, left)?,
                None => (file_item(first, name)?, 1),
            };
            left = left.get(count..)?;
            let is_repeated = matches!(item, Some(Item { node: Node::Conflict, ref name })
                if items.last().is_some_and(|last| last.name == *name));
            if !is_repeated {
                items.extend(item);
            }
        }
        Some(items)
    }

    /// The path of an entry from this directory on.
    fn rest(&self, entry: &gix::index::Entry) -> Option<&'i [u8]> {
        entry.path(self.index).get(self.skip..)
    }

    /// The directory of that name, with how many entries it has. They stand side by side, at the beginning of `left`.
    fn subdirectory(
        self,
        name: &[u8],
        left: &'i [gix::index::Entry],
    ) -> Option<(Option<Item<'i>>, usize)> {
        let is_inside = |entry: &gix::index::Entry| {
            self.rest(entry)
                .and_then(|rest| rest.strip_prefix(name))
                .is_some_and(|rest| rest.starts_with(b"/"))
        };
        let count = left.partition_point(is_inside);
        let known = self.known.and_then(|known| {
            let mut children = known.children.iter();
            children.find(|child| child.name.as_slice() == name)
        });
        let span = Span {
            entries: left.get(..count)?,
            skip: self.skip + name.len() + 1,
            known,
            ..self
        };
        let node = Node::Directory(Directory::Index(span));
        let name = BString::from(name);
        // Never stuck, not even in an index that is out of order.
        (count > 0).then_some((Some(Item { name, node }), count))
    }
}

/// None inside for a file that is only announced: it will not be in the commit.
fn file_item<'i>(entry: &gix::index::Entry, name: &[u8]) -> Option<Option<Item<'i>>> {
    let name = BString::from(name);
    if entry.stage() != Stage::Unconflicted {
        let node = Node::Conflict;
        return Some(Some(Item { name, node }));
    }
    if entry.flags.contains(Flags::INTENT_TO_ADD) {
        return Some(None);
    }
    let node = Node::File(Kept {
        mode: index_mode(entry.mode)?,
        object: entry.id,
    });
    Some(Some(Item { name, node }))
}

/// All paths of the index.
pub(super) fn index_listing(index: &gix::index::State) -> Option<Listing> {
    let mut listing = Listing::default();
    for entry in index.entries() {
        let path = entry.path(index);
        let Ok(text) = path.to_str() else {
            listing
                .names_not_text
                .push(path.to_str_lossy().into_owned());
            continue;
        };
        if entry.stage() != Stage::Unconflicted {
            listing.conflicts.push(text.to_owned());
            continue;
        }
        listing.entries.push(SelectedEntry {
            path: text.to_owned(),
            mode: index_mode(entry.mode)?,
            object: entry.id.to_string(),
        });
    }
    listing.conflicts.dedup();
    Some(listing)
}

/// All paths of a tree.
pub(super) fn tree_listing(repository: &Repository, tree: ObjectId) -> Option<Listing> {
    let mut listing = Listing::default();
    for found in compare(repository, Directory::Nothing, Directory::Tree(tree))? {
        let kept = found.after?;
        match found.path.to_str() {
            Ok(path) => listing.entries.push(SelectedEntry {
                path: path.to_owned(),
                mode: kept.mode,
                object: kept.object.to_string(),
            }),
            Err(_) => listing
                .names_not_text
                .push(found.path.to_str_lossy().into_owned()),
        }
    }
    Some(listing)
}
