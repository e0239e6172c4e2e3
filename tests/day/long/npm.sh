# needs: npm node
npm init -y >/dev/null && npm install --silent is-odd semver && node -p 'require("is-odd")(3)'
npm pkg set scripts.test='semver 1.2.3' && npm test --silent && npx --no-install semver 4.5.6
npx --yes cowsay@1.6.0 hi | grep -c hi
npm pack --silent && npm ci --silent && ls package-lock.json
