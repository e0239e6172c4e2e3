# needs: pnpm node
echo '{"name": "app", "version": "1.0.0", "scripts": {"test": "node -p 1+1"}}' > package.json
pnpm add --silent is-odd && node -p 'require("is-odd")(4)' && pnpm run --silent test && ls pnpm-lock.yaml
