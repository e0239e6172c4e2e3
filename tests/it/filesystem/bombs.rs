//! Documents made to hurt their reader: small files that ask for much memory, time or depth, or are lies.

use flate2::{Compression, write::ZlibEncoder};
use std::io::Write;

/// A ZIP of these files.
pub(crate) fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The parts that every workbook has, its one sheet and its shared strings.
pub(crate) fn workbook(sheet: &str, strings: &str) -> Vec<u8> {
    const SCHEMA: &str = "http://schemas.openxmlformats.org";
    let types = format!(r#"<Types xmlns="{SCHEMA}/package/2006/content-types"/>"#);
    let relation = |id: &str, kind: &str, target: &str| {
        format!(
            r#"<Relationship Id="{id}" Type="{SCHEMA}/officeDocument/2006/relationships/{kind}" Target="{target}"/>"#
        )
    };
    let relations =
        |all: &str| format!(r#"<Relationships xmlns="{SCHEMA}/package/2006/relationships">{all}</Relationships>"#);
    let top = relations(&relation("rId1", "officeDocument", "xl/workbook.xml"));
    let parts =
        relation("rId1", "worksheet", "worksheets/sheet1.xml") + &relation("r2", "sharedStrings", "sharedStrings.xml");
    let names =
        format!(r#"xmlns="{SCHEMA}/spreadsheetml/2006/main" xmlns:r="{SCHEMA}/officeDocument/2006/relationships""#);
    let book = format!(r#"<workbook {names}><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>"#);
    let sheet = format!("<worksheet {names}>{sheet}</worksheet>");
    let strings = format!("<sst {names}>{strings}</sst>");
    zipped(&[
        ("[Content_Types].xml", types.as_bytes()),
        ("_rels/.rels", top.as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations(&parts).as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
        ("xl/sharedStrings.xml", strings.as_bytes()),
    ])
}

/// A word processor's document with this between the start and the end of its body.
pub(crate) fn word(body: &str) -> Vec<u8> {
    let xml = format!(r#"<w:document xmlns:w="w"><w:body>{body}</w:body></w:document>"#);
    zipped(&[("word/document.xml", xml.as_bytes())])
}

/// A spreadsheet of the open formats with these rows.
pub(crate) fn open_table(rows: &str) -> Vec<u8> {
    let xml = format!(
        r#"<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet><table:table table:name="S">{rows}</table:table></office:spreadsheet></office:body></office:document-content>"#
    );
    let kind = b"application/vnd.oasis.opendocument.spreadsheet";
    let manifest = br#"<manifest:manifest xmlns:manifest="m"/>"#;
    zipped(&[("mimetype", kind), ("META-INF/manifest.xml", manifest), ("content.xml", xml.as_bytes())])
}

/// An object of a PDF: its dictionary's content, and its stream.
pub(crate) type Object = (String, Option<Vec<u8>>);

/// A PDF of these objects, numbered from 1; the first is the catalog.
pub(crate) fn pdf(objects: &[Object]) -> Vec<u8> {
    let (mut bytes, mut places) = (b"%PDF-1.7\n".to_vec(), Vec::new());
    for (number, (dictionary, stream)) in objects.iter().enumerate() {
        places.push(bytes.len());
        writeln!(bytes, "{} 0 obj", number + 1).unwrap();
        match stream {
            None => write!(bytes, "{dictionary}").unwrap(),
            Some(stream) => {
                write!(bytes, "<<{dictionary} /Length {}>>\nstream\n", stream.len()).unwrap();
                bytes.extend(stream);
                bytes.extend(b"\nendstream");
            }
        }
        bytes.extend(b"\nendobj\n");
    }
    let table = bytes.len();
    write!(bytes, "xref\n0 {}\n0000000000 65535 f \n", places.len() + 1).unwrap();
    for place in &places {
        writeln!(bytes, "{place:010} 00000 n ").unwrap();
    }
    write!(bytes, "trailer\n<</Size {} /Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n", places.len() + 1).unwrap();
    bytes
}

/// A PDF of one page with this stream as its content, and more objects from number 5 on.
pub(crate) fn page(dictionary: &str, content: Vec<u8>, resources: &str, more: Vec<Object>) -> Vec<u8> {
    let mut objects = vec![
        ("<</Type /Catalog /Pages 2 0 R>>".to_owned(), None),
        ("<</Type /Pages /Kids [3 0 R] /Count 1>>".to_owned(), None),
        (format!("<</Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources <<{resources}>>>>"), None),
        (dictionary.to_owned(), Some(content)),
    ];
    objects.extend(more);
    pdf(&objects)
}

/// Documents at which their parsers panic or complain in words about themselves.
pub(crate) fn surprising() -> Vec<(&'static str, Vec<u8>)> {
    let text = || b"BT /F 9 Tf (x) Tj ET".to_vec();
    let font = |font: &str| page("", text(), &format!("/Font <</F <</Type /Font {font}>>>>"), vec![]);
    let catalog = || ("<</Type /Catalog /Pages 2 0 R>>".to_owned(), None);
    let pages = || ("<</Type /Pages /Kids [3 0 R] /Count 1>>".to_owned(), None);
    let paper = |page: &str| pdf(&[catalog(), pages(), (page.to_owned(), None), (String::new(), Some(text()))]);
    vec![
        ("no-paper.pdf", paper("<</Type /Page /Parent 2 0 R /Contents 4 0 R>>")),
        ("paper-of-words.pdf", paper("<</Type /Page /Parent 2 0 R /MediaBox [(a) (b)] /Contents 4 0 R>>")),
        ("encoding.pdf", font("/Subtype /TrueType /BaseFont /X /Encoding /Hunter2Encoding")),
        ("no-encoding.pdf", font("/Subtype /Type0 /BaseFont /X")),
        ("widths.pdf", font("/Subtype /TrueType /BaseFont /X /FirstChar 0 /LastChar 1 /Widths 7")),
        ("no-book.epub", zipped(&[("META-INF/container.xml", b"<container/>")])),
        ("no-zip.docx", b"PK\x03\x04 and no more".to_vec()),
        ("no-sheets.xlsx", zipped(&[("xl/workbook.xml", b"<a><b></a>")])),
        ("bytes.docx", zipped(&[("word/document.xml", &[0xff, 0xfe, 0xff])])),
    ]
}

/// Compressed as in a PDF.
pub(crate) fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// So many mebibytes of zeros, compressed.
fn zeros(mebibytes: usize) -> Vec<u8> {
    let (mut encoder, zeros) = (ZlibEncoder::new(Vec::new(), Compression::best()), vec![0; 1 << 20]);
    for _ in 0..mebibytes {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.finish().unwrap()
}

/// Documents that no reader gets to the end of, each by its file's name.
pub(crate) fn endless() -> Vec<(&'static str, Vec<u8>)> {
    let flate = "/Filter /FlateDecode";
    let draw = |name: &str| format!("/{name} Do").into_bytes();
    let form =
        |more: &str, name: &str| (format!("/Type /XObject /Subtype /Form /BBox [0 0 9 9] {more}"), Some(draw(name)));
    let itself = form("/Resources <</XObject <</F 5 0 R>>>>", "F");
    let each_other =
        vec![form("/Resources <</XObject <</G 6 0 R>>>>", "G"), form("/Resources <</XObject <</F 5 0 R>>>>", "F")];
    let cell = r#"<table:table-row table:number-rows-repeated="3000"><table:table-cell table:number-columns-repeated="3000" office:value-type="string"><text:p>a long enough text</text:p></table:table-cell></table:table-row>"#;
    let corners = r#"<dimension ref="A1:XFD1048576"/><sheetData><row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>"#;
    let long = format!("<si><t>{}</t></si>", "x".repeat(1 << 20));
    let repeated: String =
        (1..=2000).map(|row| format!(r#"<row r="{row}"><c r="A{row}" t="s"><v>0</v></c></row>"#)).collect();
    vec![
        ("used-range.xlsx", workbook(corners, "")),
        ("one-string-many-times.xlsx", workbook(&format!("<sheetData>{repeated}</sheetData>"), &long)),
        ("repeated.ods", open_table(cell)),
        ("draws-itself.pdf", page("", draw("F"), "/XObject <</F 5 0 R>>", vec![itself])),
        ("draw-each-other.pdf", page("", draw("F"), "/XObject <</F 5 0 R>>", each_other)),
        ("states.pdf", page(flate, deflated(&b"q ".repeat(3_000_000)), "", vec![])),
        ("zeros.pdf", page(flate, zeros(600), "", vec![])),
        ("zeros-in-zeros.pdf", page("/Filter [/FlateDecode /FlateDecode]", deflated(&zeros(600)), "", vec![])),
    ]
}

/// Documents that are broken or lie about themselves: read or refused, but never more than that.
pub(crate) fn crooked() -> Vec<(&'static str, Vec<u8>)> {
    let laughs: String =
        (1..10).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    let laughing =
        format!("<!DOCTYPE w [<!ENTITY l0 \"lol\">{laughs}]><w:document xmlns:w=\"w\"><w:p>&l9;</w:p></w:document>");
    let nested = format!("{}x{}", "<w:p>".repeat(500_000), "</w:p>".repeat(500_000));
    let (arrays, dictionaries) = ("[".repeat(1_000_000), "<</A ".repeat(200_000));
    let catalog = || ("<</Type /Catalog /Pages 2 0 R>>".to_owned(), None);
    let cycle = pdf(&[catalog(), ("<</Type /Pages /Kids [2 0 R 2 0 R] /Count 2>>".to_owned(), None)]);
    let whole = page("", b"BT (x) Tj ET".to_vec(), "", vec![]);
    let mut loops = whole.clone();
    let table = loops.windows(9).rposition(|part| part == b"startxref").unwrap();
    let place: usize =
        String::from_utf8_lossy(&loops[table + 10..]).split_whitespace().next().unwrap().parse().unwrap();
    let trailer = format!("trailer\n<</Size 5 /Root 1 0 R /Prev {place}>>\nstartxref\n{place}\n%%EOF\n");
    loops.truncate(loops.windows(7).rposition(|part| part == b"trailer").unwrap());
    loops.extend(trailer.bytes());
    let columns =
        "/Filter /FlateDecode /DecodeParms <</Predictor 12 /Columns 2147483647 /Colors 32 /BitsPerComponent 16>>";
    let mut lying = word("<w:p/>");
    let sizes = lying.windows(4).rposition(|part| part == b"PK\x01\x02").unwrap();
    lying[sizes + 20..sizes + 28].fill(0xff);
    let locked = "trailer\n<</Encrypt <</Filter /Standard /V 4 /R 4 /O (x) /U (x) /P -1>> /ID [(a) (b)] ";
    let locked = String::from_utf8_lossy(&whole).replace("trailer\n<<", locked).into_bytes();
    vec![
        ("laughs.docx", zipped(&[("word/document.xml", laughing.as_bytes())])),
        ("nested.docx", word(&nested)),
        ("nested.xlsx", workbook(&format!("<sheetData>{nested}</sheetData>"), "")),
        ("arrays.pdf", page("", format!("{arrays} Tj").into_bytes(), "", vec![(arrays, None)])),
        ("dictionaries.pdf", page("", b"q".to_vec(), "", vec![(dictionaries, None)])),
        ("tree-in-circles.pdf", cycle),
        ("tables-in-circles.pdf", loops),
        ("columns.pdf", page(columns, deflated(&[2; 4096]), "", vec![])),
        ("locked.pdf", locked),
        ("half.pdf", whole[..whole.len() / 2].to_vec()),
        ("lying.docx", lying),
        ("half.xlsx", {
            let book = workbook("<sheetData/>", "");
            book[..book.len() / 2].to_vec()
        }),
    ]
}
