//! The mirror against stores in memory and on disk: what is fetched, what is not, and what is never visible.

use object_store::PutPayload;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;

use super::*;
use crate::watch::Unwatched;

struct Set {
    store: Arc<InMemory>,
    mirror: Mirror,
    folder: tempfile::TempDir,
}

impl Set {
    fn new(prefix: &str) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let store = Arc::new(InMemory::new());
        let mirror = Mirror::new(store.clone() as _, Path::from(prefix), folder.path().join("orders-1"));
        Self { store, mirror, folder }
    }

    async fn put(&self, key: &str, bytes: &'static [u8]) {
        let key = Path::parse(key).unwrap_or_else(|error| panic!("{error}"));
        self.store.put(&key, PutPayload::from_static(bytes)).await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Brings the mirror up to date; returns how many objects were fetched and how many files went.
    async fn bring(&self) -> Result<(usize, usize), Trouble> {
        let due = self.mirror.look().await?;
        let counts = (due.fetch.len(), due.gone);
        self.mirror.bring(due, &Unwatched).await?;
        Ok(counts)
    }

    fn seen(&self) -> Vec<(String, Vec<u8>)> {
        let files = self.mirror.files().unwrap_or_else(|error| panic!("{error}"));
        files.into_iter().map(|file| (file.clone(), fs::read(self.mirror.folder.join(file)).unwrap_or_default())).collect()
    }
}

fn pairs(files: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    files.iter().map(|(file, text)| ((*file).to_owned(), text.as_bytes().to_vec())).collect()
}

#[tokio::test]
async fn what_is_unchanged_is_not_fetched_again_and_what_is_gone_goes() {
    let set = Set::new("raw/orders");
    set.put("raw/orders/day=1/a.parquet", b"one").await;
    set.put("raw/orders/day=2/a.parquet", b"two").await;
    set.put("raw/orders/_SUCCESS", b"").await;
    set.put("raw/orders2/a.parquet", b"not ours").await;
    assert!(matches!(set.bring().await, Ok((2, 0))));
    assert_eq!(set.seen(), pairs(&[("day=1/a.parquet", "one"), ("day=2/a.parquet", "two")]));
    assert!(matches!(set.bring().await, Ok((0, 0))));
    set.put("raw/orders/day=2/a.parquet", b"TWO").await;
    set.put("raw/orders/day=3/a.parquet", b"three").await;
    set.store.delete(&Path::from("raw/orders/day=1/a.parquet")).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(matches!(set.bring().await, Ok((2, 1))));
    assert_eq!(set.seen(), pairs(&[("day=2/a.parquet", "TWO"), ("day=3/a.parquet", "three")]));
    assert!(!set.mirror.folder.join("day=1").exists());
    // A file that somebody cut off is fetched again.
    fs::write(set.mirror.folder.join("day=3/a.parquet"), "thr").unwrap_or_else(|error| panic!("{error}"));
    assert!(matches!(set.bring().await, Ok((1, 0))));
    assert_eq!(set.seen()[1].1, b"three");
}

#[tokio::test]
async fn an_object_that_is_replaced_after_the_listing_is_never_visible() {
    let set = Set::new("orders");
    set.put("orders/a.parquet", b"one").await;
    set.put("orders/b.parquet", b"two").await;
    let due = set.mirror.look().await.unwrap_or_else(|error| panic!("{error:?}"));
    set.put("orders/b.parquet", b"TWO").await;
    let ended = set.mirror.bring(due, &Unwatched).await;
    assert!(matches!(&ended, Err(Trouble::Changed(file)) if file == "b.parquet"), "{ended:?}");
    assert!(set.seen().iter().all(|(file, bytes)| file == "a.parquet" && bytes == b"one"), "{:?}", set.seen());
    assert!(set.bring().await.is_ok_and(|(fetched, _)| fetched >= 1));
    assert_eq!(set.seen(), pairs(&[("a.parquet", "one"), ("b.parquet", "TWO")]));
}

#[tokio::test]
async fn the_index_never_names_a_version_that_is_not_in_place() {
    let set = Set::new("orders");
    set.put("orders/a.parquet", b"one").await;
    assert!(set.bring().await.is_ok());
    let before = fs::read(set.mirror.index()).unwrap_or_default();
    set.put("orders/a.parquet", b"TWO").await;
    let due = set.mirror.look().await.unwrap_or_else(|error| panic!("{error:?}"));
    set.store.delete(&Path::from("orders/a.parquet")).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(matches!(set.mirror.bring(due, &Unwatched).await, Err(Trouble::Changed(_))));
    assert_ne!(fs::read(set.mirror.index()).unwrap_or_default(), before, "forgotten before it is replaced");
    // What a killed night left half-written goes with the next one.
    fs::write(set.mirror.folder.join(".writing-x"), "half").unwrap_or_else(|error| panic!("{error}"));
    set.put("orders/b.parquet", b"two").await;
    assert!(set.bring().await.is_ok());
    assert_eq!(set.seen(), pairs(&[("b.parquet", "two")]));
}

#[tokio::test]
async fn hostile_keys_are_refused_and_nothing_is_fetched() {
    for key in ["orders/a%2e%2e/b.parquet", "orders/a\\b.parquet", "orders/a.parquet/b.parquet"] {
        let set = Set::new("orders");
        set.put("orders/a.parquet", b"one").await;
        set.put(key, b"two").await;
        let ended = set.bring().await;
        assert!(matches!(&ended, Err(Trouble::Odd { .. })), "{key}: {ended:?}");
        assert!(set.seen().is_empty() && fs::read_dir(set.folder.path()).is_ok_and(|left| left.count() == 0));
    }
    assert!(matches!(Set::new("orders").bring().await, Err(Trouble::Nothing)));
}

#[tokio::test]
async fn a_url_may_name_one_object_or_a_folder_that_ends_like_one() {
    let one = Set::new("raw/orders.parquet");
    one.put("raw/orders.parquet", b"one").await;
    assert!(matches!(one.bring().await, Ok((1, 0))));
    assert_eq!(one.seen(), pairs(&[("orders.parquet", "one")]));
    let folder = Set::new("raw/orders.parquet");
    folder.put("raw/orders.parquet/part-0.parquet", b"two").await;
    assert!(matches!(folder.bring().await, Ok((1, 0))));
    assert_eq!(folder.seen(), pairs(&[("part-0.parquet", "two")]));
}

#[tokio::test]
async fn a_mounted_folder_is_a_store_too() {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let from = folder.path().join("from/day=1");
    fs::create_dir_all(&from).unwrap_or_else(|error| panic!("{error}"));
    fs::write(from.join("a.parquet"), vec![7; 100_000]).unwrap_or_else(|error| panic!("{error}"));
    let prefix = Path::from_absolute_path(folder.path().join("from")).unwrap_or_else(|error| panic!("{error}"));
    let mirror = Mirror::new(Arc::new(LocalFileSystem::new()), prefix, folder.path().join("to-1"));
    let due = mirror.look().await.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!((due.objects(), due.bytes()), (1, 100_000));
    assert!(mirror.bring(due, &Unwatched).await.is_ok());
    assert!(fs::read(folder.path().join("to-1/day=1/a.parquet")).is_ok_and(|bytes| bytes == vec![7; 100_000]));
    assert!(mirror.look().await.is_ok_and(|due| due.fetch.is_empty()));
}
