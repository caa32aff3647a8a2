// The two jobs of the latency table in Apache Flink's DataStream API: `LatencyJob.java counts|windows PORT`.
// Reads rows of JSON from a socket of this machine, prints results on standard output. Buffers are sent at
// once and watermarks each millisecond: what Flink can do when only latency counts.

import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

public final class LatencyJob {
    public static void main(String[] args) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.setBufferTimeout(0);
        env.getConfig().enableObjectReuse();
        env.getConfig().setAutoWatermarkInterval(1);
        DataStream<Tuple2<Long, Long>> rows = env.socketTextStream("localhost", Integer.parseInt(args[1]))
                .map(row -> Tuple2.of(number(row, "\"key\":"), number(row, args[0].equals("counts") ? "\"sent\":" : "\"at\":")))
                .returns(Types.TUPLE(Types.LONG, Types.LONG));
        if (args[0].equals("counts")) {
            rows.keyBy(row -> row.f0).process(new Count()).print();
        } else {
            rows.assignTimestampsAndWatermarks(WatermarkStrategy.<Tuple2<Long, Long>>forMonotonousTimestamps()
                            .withTimestampAssigner((row, before) -> row.f1 / 1000))
                    .keyBy(row -> row.f0)
                    .window(TumblingEventTimeWindows.of(Duration.ofSeconds(1)))
                    .aggregate(new Sum(), new Result())
                    .print();
        }
        env.execute();
    }

    private static long number(String row, String key) {
        int at = row.indexOf(key) + key.length();
        int end = at;
        while (Character.isDigit(row.charAt(end))) {
            end++;
        }
        return Long.parseLong(row, at, end, 10);
    }

    private static final class Count extends KeyedProcessFunction<Long, Tuple2<Long, Long>, String> {
        private ValueState<Long> count;

        @Override
        public void open(OpenContext context) {
            count = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
        }

        @Override
        public void processElement(Tuple2<Long, Long> row, Context context, Collector<String> out) throws Exception {
            Long before = count.value();
            long now = before == null ? 1 : before + 1;
            count.update(now);
            out.collect("{\"key\":" + row.f0 + ",\"n\":" + now + ",\"sent\":" + row.f1 + "}");
        }
    }

    private static final class Sum implements AggregateFunction<Tuple2<Long, Long>, Long, Long> {
        @Override
        public Long createAccumulator() {
            return 0L;
        }

        @Override
        public Long add(Tuple2<Long, Long> row, Long sum) {
            return sum + 1;
        }

        @Override
        public Long getResult(Long sum) {
            return sum;
        }

        @Override
        public Long merge(Long a, Long b) {
            return a + b;
        }
    }

    private static final class Result extends ProcessWindowFunction<Long, String, Long, TimeWindow> {
        @Override
        public void process(Long key, Context context, Iterable<Long> counts, Collector<String> out) {
            out.collect("{\"key\":" + key + ",\"windowEnd\":" + context.window().getEnd() + ",\"n\":" + counts.iterator().next() + "}");
        }
    }
}
