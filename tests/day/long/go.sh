# needs: go
export GOFLAGS=-mod=mod GOTOOLCHAIN=local
mkdir greet && printf 'module example.org/app\n' > go.mod
printf 'package greet\nfunc Hello(name string) string { return "hello " + name }\n' > greet/greet.go
printf 'package greet\nimport "testing"\nfunc TestHello(t *testing.T) { if Hello("x") != "hello x" { t.Fatal() } }\n' > greet/greet_test.go
printf 'package main\nimport ("fmt"; "example.org/app/greet")\nfunc main() { fmt.Println(greet.Hello("world")) }\n' > main.go
go run . && go build -o app && ./app && go test ./... 2>&1 | grep -c '^ok' && go vet ./... && gofmt -l greet | wc -l
go test -race ./greet | cut -f 1
