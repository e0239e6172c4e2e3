# needs: apt-get dpkg
apt-get --simulate install coreutils 2>/dev/null | grep -c 'already the newest'
apt-cache show bash | grep ^Package | sort -u
dpkg -s bash | grep ^Status && dpkg -L bash | grep -x /bin/bash && dpkg -S /bin/bash | cut -d : -f 1
