# needs: bun
echo '{"name": "app"}' > package.json
bun add --silent is-odd >/dev/null && echo 'console.log(require("is-odd")(4))' > app.js && bun run app.js
echo 'import { test, expect } from "bun:test"; test("works", () => expect(1).toBe(1))' > app.test.js
bun test 2>&1 | grep -o '[0-9]* pass' && bun build --compile --outfile=one app.js >/dev/null && ./one
