# needs: java javac
mkdir src && cat > src/App.java <<'J'
import java.nio.file.*;
import java.util.stream.*;
public class App {
    public static void main(String[] args) throws Exception {
        Path dir = Files.createTempDirectory("day"); Path file = Files.writeString(dir.resolve("f"), "x");
        Files.move(file, Path.of("moved"), StandardCopyOption.REPLACE_EXISTING);
        System.out.println(IntStream.range(0, 1000).parallel().sum() + " " + Runtime.getRuntime().availableProcessors() / 100);
        System.out.println(new String(new ProcessBuilder("echo", "child").start().getInputStream().readAllBytes()).trim());
    }
}
J
javac -d out src/App.java && java -cp out App && jar cfe app.jar App -C out . && java -Xmx64m -jar app.jar | head -1
