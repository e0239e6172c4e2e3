//! A folder has one owner.

use crate::server::{KEY, Server, scratch};
use skynet_bridge::{
    bridge::Bridge,
    caller::Keys,
    owner::{AlreadyOwned, Claim, Owner},
    settings::Settings,
};

#[tokio::test]
async fn a_second_bridge_over_the_same_folder_is_refused_and_told_who_has_it() {
    let server = Server::start().await;
    let settings = Settings::from_pairs([]).unwrap();
    let refused = Bridge::open(settings, Keys::new(KEY), &server.path("")).err().expect("the folder is taken");
    let held = refused.downcast_ref::<AlreadyOwned>().expect("the refusal says that it is held");
    assert_eq!(held.pid, Some(std::process::id()));
    assert!(refused.to_string().contains("--directory"), "{refused}");
}

#[tokio::test]
async fn a_stopped_bridge_leaves_its_folder_to_the_next() {
    let directory = Server::start().await.stop().await;
    let again = Server::in_directory(directory, &[]).await;
    again.stop().await;
}

#[test]
fn a_lock_left_behind_by_a_dead_process_is_in_nobodys_way() {
    let folder = scratch();
    std::fs::write(folder.path().join(".lock"), "4000000\nrubbish").unwrap();
    let Claim::Owned(owner) = Owner::claim(folder.path()).unwrap() else { panic!("nobody holds it") };
    let text = std::fs::read_to_string(folder.path().join(".lock")).unwrap();
    assert_eq!(text.trim(), std::process::id().to_string());
    drop(owner);
    assert!(matches!(Owner::claim(folder.path()), Ok(Claim::Owned(_))));
}
