# needs: chromium
cat > page.html <<'PAGE'
<title>page</title><body><script>document.body.textContent = 6 * 7</script></body>
PAGE
see() {
  chromium --headless --no-sandbox --disable-gpu --disable-background-networking --user-data-dir="$PWD/profile" "$@" 2> said
}
see --dump-dom "file://$PWD/page.html" | grep -o '<body>[0-9]*'
see --screenshot=page.png --window-size=200,100 "file://$PWD/page.html" && head -c 8 page.png | od -An -c
