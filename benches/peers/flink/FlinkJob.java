// One Nexmark query in Apache Flink's SQL: `java -cp 'LIBS/*' FlinkJob.java TABLES.sql QUERY.sql DATA
// PARALLELISM blackhole|FOLDER`. The files hold statements that end in `;`, with ${data} for the folder
// of the events, ${sink} for the options of the table `results` and ${path} for the folder it is written to.
// The last statement is the query.
//
// Prints the CPU and wall seconds of the query alone: from its submission to its end, without the start
// of Java, without loading Flink and without the plan. Settings are those of the benchmark's own
// configuration (mini-batches, split distinct aggregates) and object reuse; state lives on the heap and
// there are no checkpoints, which is the fastest that Flink can do.

import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.CompiledPlan;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;

public final class FlinkJob {
    public static void main(String[] args) throws Exception {
        String data = Path.of(args[2]).toAbsolutePath().toString();
        String sink = args[4].equals("blackhole")
                ? "'connector' = 'blackhole'"
                : "'connector' = 'filesystem', 'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601', 'path' = '"
                        + Path.of(args[4]).toAbsolutePath() + "'";
        TableEnvironment tables = TableEnvironment.create(
                EnvironmentSettings.newInstance().inStreamingMode().withConfiguration(settings(args[3])).build());
        List<String> statements = new ArrayList<>(statements(args[0]));
        statements.addAll(statements(args[1]));
        String query = statements.remove(statements.size() - 1);
        for (String statement : statements) {
            tables.executeSql(statement.replace("${data}", data).replace("${sink}", sink).replace("${path}", args[4]));
        }
        CompiledPlan plan = tables.compilePlanSql(query);
        long cpu = cpuNanos();
        long start = System.nanoTime();
        plan.execute().await();
        double seconds = (System.nanoTime() - start) / 1e9;
        System.out.printf("used %.3f %.3f%n", (cpuNanos() - cpu) / 1e9, seconds);
        System.exit(0);
    }

    private static Configuration settings(String parallelism) {
        Configuration settings = new Configuration();
        settings.setString("parallelism.default", parallelism);
        settings.setString("taskmanager.numberOfTaskSlots", parallelism);
        settings.setString("pipeline.object-reuse", "true");
        settings.setString("table.local-time-zone", "UTC");
        settings.setString("table.exec.mini-batch.enabled", "true");
        settings.setString("table.exec.mini-batch.allow-latency", "2s");
        settings.setString("table.exec.mini-batch.size", "50000");
        settings.setString("table.optimizer.distinct-agg.split.enabled", "true");
        settings.setString("taskmanager.memory.network.min", "256m");
        settings.setString("taskmanager.memory.network.max", "256m");
        settings.setString("taskmanager.memory.managed.size", "512m");
        return settings;
    }

    private static List<String> statements(String file) throws Exception {
        StringBuilder text = new StringBuilder();
        for (String line : Files.readAllLines(Path.of(file))) {
            if (!line.startsWith("--")) {
                text.append(line).append('\n');
            }
        }
        List<String> found = new ArrayList<>();
        for (String statement : text.toString().split(";")) {
            if (!statement.isBlank()) {
                found.add(statement.strip());
            }
        }
        return found;
    }

    private static long cpuNanos() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }
}
