# needs: git
git config --global user.name Ada && git config --global user.email ada@example.org
git config --global init.defaultBranch main && git config --global protocol.file.allow always
git init -q project && cd project
mkdir src docs && echo one > src/a && echo two > docs/b
printf '#!/bin/sh\necho hook ran >&2\ntouch "$(git rev-parse --show-toplevel)/.hooked"\n' > .git/hooks/pre-commit
chmod +x .git/hooks/pre-commit
echo .hooked > .gitignore
git add . && git commit -qm first && test -e .hooked && echo "hook ran"
git mv src/a docs/a && git commit -qm moved && git log --oneline | wc -l
git switch -qc feature && echo feature >> docs/a && git commit -qam feature
git switch -q main && echo main >> docs/a && git commit -qam main
git rebase -q main feature || echo "conflict in $(git diff --name-only --diff-filter=U)"
printf 'one\nmain\nfeature\n' > docs/a && git add docs/a && GIT_EDITOR=true git rebase --continue >/dev/null 2>&1
git switch -q main && git merge -q --ff-only feature && cat docs/a
git stash list | wc -l; echo dirty >> docs/b; git stash -q; git stash pop -q; git diff --stat; git checkout -q docs/b
git worktree add -q ../tree feature~1 2>/dev/null && git -C ../tree rev-parse --is-inside-work-tree
git worktree remove ../tree
git init -q --bare ../remote.git && git remote add origin ../remote.git && git push -q -u origin main && echo pushed
git clone -q ../remote.git ../clone && git -C ../clone submodule --quiet add ../remote.git sub 2>/dev/null
git -C ../clone commit -qm submodule && git -C ../clone push -q && git pull -q && git submodule status | wc -l
git tag -a v1 -m one && git describe && git gc -q && git fsck --no-progress --no-dangling 2>/dev/null && echo sound
git bisect start -q HEAD HEAD~2 >/dev/null 2>&1 && git bisect reset >/dev/null 2>&1
git archive HEAD | tar -t | grep -c docs
git format-patch -1 -o ../patches -q && git reset -q --hard HEAD~1 && git am -q ../patches/*.patch && git log -1 --format=%s
