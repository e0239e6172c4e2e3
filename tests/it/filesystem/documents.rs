//! Documents read as text.

use crate::server::Server;
use serde_json::json;
use std::io::Write;

fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[tokio::test]
async fn documents_are_read_as_text() {
    let header = r#"<w:hdr xmlns:w="w"><w:p><w:r><w:t>Kopf</w:t></w:r></w:p></w:hdr>"#;
    let word = r#"<w:document xmlns:w="w"><w:body><w:p><w:r><w:t>Caf&#233; &amp; thé</w:t></w:r></w:p><w:p><w:r><w:t>zwei</w:t><w:tab/><w:t>drei</w:t></w:r></w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t>c00</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>c01</w:t></w:r></w:p></w:tc></w:tr><w:tr><w:tc><w:p/></w:tc><w:tc><w:p><w:r><w:t>c11</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:body></w:document>"#;
    let odt = r#"<o:d xmlns:o="o" xmlns:text="t"><text:h>Titel</text:h><text:p>Inhalt</text:p><t:table xmlns:t="t2"><t:table-row><t:table-cell><text:p>A</text:p></t:table-cell><t:table-cell><text:p>B</text:p></t:table-cell></t:table-row></t:table></o:d>"#;
    let container = r#"<container><rootfiles><rootfile full-path="O/c.opf"/></rootfiles></container>"#;
    let package = r#"<package><manifest><item id="b" href="two.xhtml"/><item id="a" href="one.xhtml"/></manifest><spine><itemref idref="a"/><itemref idref="b"/></spine></package>"#;
    let epub = [
        ("META-INF/container.xml", container),
        ("O/c.opf", package),
        ("O/one.xhtml", "<html>\n <style>x{}</style>\n\n <div>\n\n<p>first</p>\n\n\n</div>\n</html>"),
        ("O/two.xhtml", "<html><p>second</p></html>"),
    ];
    let sheet = [
        ("[Content_Types].xml", r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#),
        (
            "_rels/.rels",
            r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
        ),
        (
            "xl/workbook.xml",
            r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Sums" sheetId="1" r:id="rId1"/></sheets></workbook>"#,
        ),
        (
            "xl/_rels/workbook.xml.rels",
            r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#,
        ),
        (
            "xl/worksheets/sheet1.xml",
            r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="3"><c r="B3" t="inlineStr"><is><t>total</t></is></c><c r="C3"><v>42</v></c></row></sheetData></worksheet>"#,
        ),
    ];
    let server = Server::start()
        .await
        .with_file("a.docx", zipped(&[("word/document.xml", word), ("word/header1.xml", header)]))
        .with_file("b.odt", zipped(&[("content.xml", odt)]))
        .with_file("c.epub", zipped(&epub))
        .with_file("d.xlsx", zipped(&sheet))
        .with_file("e.pdf", include_bytes!("../../fixtures/hello.pdf"))
        .with_file("broken.pdf", "%PDF-1.4 nothing")
        .with_file("broken.docx", "PK nothing")
        .with_file("f.txt", "x");
    for (name, expected) in [
        ("a.docx", "Kopf\nCafé & thé\nzwei\tdrei\nc00\tc01\n\tc11\n"),
        ("b.odt", "Titel\nInhalt\nA\tB\n"),
        ("c.epub", "first\n\nsecond\n"),
        ("d.xlsx", "# Sums\n\n\n\ttotal\t42\n\n"),
        ("e.pdf", "Hello bridge"),
    ] {
        let reply = server.call("filesystem_read", json!({"path": name, "as": "document"})).await;
        let content = reply["content"].as_str().unwrap();
        assert!(content.contains(expected.trim_end()) && content.len() < expected.len() + 10, "{name}: {content:?}");
        assert_eq!(reply["as"], "document");
    }
    for name in ["broken.pdf", "broken.docx", "f.txt"] {
        let reply = server.post("/filesystem/read", json!({"path": name, "as": "document"})).await;
        assert_eq!(reply.status, 400, "{name}: {}", reply.text);
    }
}
