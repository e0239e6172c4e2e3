# needs: yarn node
echo '{"name": "app", "version": "1.0.0", "license": "MIT", "scripts": {"test": "node -p 1+1"}}' > package.json
yarn add --silent is-odd >/dev/null && node -p 'require("is-odd")(4)' && yarn run --silent test && ls yarn.lock
