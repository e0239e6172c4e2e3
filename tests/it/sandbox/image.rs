//! The real image, built from the files of this program. It takes minutes:
//! `cargo test --test it image -- --ignored`, which `.ci/run` does.

use super::{IMAGE, docker, with_engine};
use serde_json::{Value, json};

const NAME: &str = "bridge-test/sandbox";

#[tokio::test]
#[ignore = "long: see the top of the file"]
async fn the_image_is_built_once_for_two_who_ask_and_has_what_it_promises() {
    let settings = [("SANDBOX_IMAGE", NAME), ("SANDBOX_BASE_IMAGE", IMAGE)];
    let Some(server) = with_engine(&settings).await else { return };
    let client = |path: &str, body: Value| {
        server
            .request(path)
            .bearer_auth(crate::server::KEY)
            .timeout(std::time::Duration::from_secs(320))
            .json(&body)
            .send()
    };
    // A build that ran out of time goes on from what it had done.
    for attempt in 0..3 {
        let (one, other) = tokio::join!(client("/sandbox/build", json!({})), client("/sandbox/build", json!({})));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!(one.status(), other.status());
        if one.status() == 200 {
            break;
        }
        assert!(one.status() == 408 && attempt < 2, "{}", one.text().await.unwrap());
    }
    let tools = "set -e; for t in bash git node npm curl ps python3; do command -v $t >/dev/null || echo no $t; done; \
        id -un; id -u; pwd; git --version >/dev/null; npm --version >/dev/null; curl --version >/dev/null; ps >/dev/null; echo all";
    let answer = server.call("sandbox_run", json!({"command": tools})).await;
    assert_eq!(answer["stdout"], "sandbox\n1000\n/home/sandbox/workspace\nall\n", "{answer}");
    let imports = "import numpy, pandas, matplotlib, requests, ipykernel, nbclient; print(pandas.DataFrame({'a': [1, 2]}).sum()['a'])";
    let answer = server.call("sandbox_run", json!({"code": imports, "timeout": 60})).await;
    assert_eq!((&answer["stdout"], &answer["stderr"]), (&json!("3\n"), &json!("")), "{answer}");
    figures(&server).await;
    notebook(&server).await;
    server.stop().await;
    docker(&["rmi", NAME]);
}

async fn figures(server: &crate::server::Server) {
    let session = server.call("sandbox_session_start", json!({})).await["id"].clone();
    let plot = "import matplotlib.pyplot as plt, pandas as pd\nplt.plot([1, 2])\nplt.show()\npd.DataFrame({'a': [1]})";
    let answer = server.call("sandbox_session_run", json!({"id": session, "code": plot, "timeout": 60})).await;
    assert_eq!(answer["stderr"], "", "{answer}");
    let kinds: Vec<_> = answer["outputs"].as_array().unwrap().iter().map(|output| &output["type"]).collect();
    assert_eq!(kinds, ["image/png", "text/html"]);
    assert!(answer["outputs"][0]["data"].as_str().unwrap().starts_with("iVBORw0KGgo"), "a PNG in base64");
}

async fn notebook(server: &crate::server::Server) {
    let code = |source: &str| json!({"cell_type": "code", "metadata": {}, "source": source});
    let cells = [
        code("%matplotlib inline\nimport numpy as np, matplotlib.pyplot as plt\nx = np.arange(3)"),
        code("plt.plot(x)\nplt.show()"),
        code("lines = !echo hello\nlines[0]"),
        code("from IPython.display import display, HTML\ndisplay(HTML('<b>x</b>'))\n%time y = x.sum()\nint(y)"),
    ];
    let book = json!({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells});
    let answer = server.call("sandbox_notebook", json!({"notebook": book, "timeout": 120})).await;
    assert_eq!(answer["success"], true, "{}", answer["error"]);
    let outputs = |cell: usize| answer["notebook"]["cells"][cell]["outputs"].as_array().unwrap();
    assert!(outputs(1)[0]["data"]["image/png"].is_string(), "{:?}", outputs(1));
    assert_eq!(outputs(2)[0]["data"]["text/plain"], "'hello'");
    assert!(outputs(3).iter().any(|output| output["data"]["text/html"] == "<b>x</b>"), "{:?}", outputs(3));
    assert!(outputs(3).iter().any(|output| output["data"]["text/plain"] == "3"), "{:?}", outputs(3));
}
